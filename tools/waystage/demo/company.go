package demo

import "github.com/waystage/waystage/services/world"

// Company is what people are told of a company that can be demonstrated.
type Company struct {
	// Title is what it is.
	Title string
	// Event is the name of one that its map knows.
	Event string
	// Stages are some worth asking about, as FIRST..LAST; Stage is one before the sale, Sale the
	// event of a sale.
	Stages, Stage, Sale string
}

// CompanyOf tells of one of world.Scenarios.
func CompanyOf(s world.Scenario) Company {
	return map[world.Scenario]Company{
		world.Grocery: {
			Title: "an online grocery store", Event: "Product Viewed",
			Stages: "search..loyalty", Stage: "comparison", Sale: "Order Completed",
		},
		world.Airline: {
			Title: "an airline", Event: "Flights Searched",
			Stages: "booking..loyalty", Stage: "search", Sale: "Flight Booked",
		},
		world.Tiles: {
			Title: "a shop for tiles", Event: "Tiles Searched",
			Stages: "offer..loyalty", Stage: "offer", Sale: "Order Placed",
		},
	}[s]
}
