package world

import "github.com/waystage/waystage/services/journey"

// act is something that shoppers do.
type act struct {
	kind journey.Kind
	// name is the event of a track, or the name of a page or screen.
	name string
	// stage counts from 0; offStage for what no touchpoint of the map recognises.
	stage int
	// weight is how often it is done among the acts of its stage; 0 where the plot alone says when.
	weight float64
	flavor flavor
}

const offStage = -1

// flavor says which properties an act carries.
type flavor uint8

const (
	plainFlavor flavor = iota
	productFlavor
	orderFlavor
	searchFlavor
	postcodeFlavor
	deliveryFlavor
	scoreFlavor
	promotionFlavor
)

// The stages of the store, in the order of its map.
const (
	awareness = iota
	interest
	desire
	search
	comparison
	purchase
	satisfaction
	loyalty
	advocacy
)

// acts are what shoppers do. The stages are those that the map gives to it.
var acts = []act{
	{journey.Identify, "", offStage, 0, plainFlavor},
	{journey.Track, "Signed Up", search, 0, plainFlavor},
	{journey.Track, "Checkout Started", purchase, 0, orderFlavor},
	{journey.Track, "Delivery Slot Unavailable", purchase, 0, plainFlavor},
	{journey.Track, "Delivery Slot Selected", purchase, 0, plainFlavor},
	{journey.Track, "Coupon Denied", purchase, 0, plainFlavor},
	{journey.Track, "Payment Failed", purchase, 0, orderFlavor},
	{journey.Track, "Payment Info Entered", purchase, 0, orderFlavor},
	{journey.Track, "Order Completed", purchase, 0, orderFlavor},
	{journey.Track, "Order Delivered", satisfaction, 0, deliveryFlavor},
	{journey.Page, "Account", offStage, 0, plainFlavor},

	{journey.Track, "Advert Clicked", awareness, 3, promotionFlavor},
	{journey.Track, "Video Playback Started", awareness, 2, plainFlavor},
	{journey.Track, "Leaflet Scanned", awareness, 1, promotionFlavor},
	{journey.Page, "Landing", awareness, 4, plainFlavor},

	{journey.Page, "Home", interest, 5, plainFlavor},
	{journey.Page, "Recipes", interest, 3, plainFlavor},
	{journey.Track, "Promotion Clicked", interest, 2, promotionFlavor},
	{journey.Track, "Email Link Clicked", interest, 1, promotionFlavor},

	{journey.Page, "How It Works", desire, 3, plainFlavor},
	{journey.Track, "Postcode Checked", desire, 5, postcodeFlavor},
	{journey.Track, "Recipe Saved", desire, 1, plainFlavor},

	{journey.Track, "Products Searched", search, 5, searchFlavor},
	{journey.Track, "Product List Viewed", search, 5, productFlavor},
	{journey.Track, "Live Chat Conversation Started", search, 1, plainFlavor},

	{journey.Track, "Product Viewed", comparison, 6, productFlavor},
	{journey.Track, "Reviews Viewed", comparison, 2, productFlavor},
	{journey.Track, "Delivery Fee Calculated", comparison, 1, plainFlavor},
	{journey.Track, "Product Added", comparison, 5, productFlavor},
	{journey.Track, "Cart Viewed", comparison, 3, orderFlavor},

	{journey.Track, "Delivery Rated", satisfaction, 3, scoreFlavor},
	{journey.Track, "Product Replaced", satisfaction, 1, productFlavor},
	{journey.Track, "Support Ticket Opened", satisfaction, 1, plainFlavor},

	{journey.Track, "Basket Repeated", loyalty, 5, orderFlavor},
	{journey.Track, "Subscription Started", loyalty, 2, orderFlavor},
	{journey.Track, "Loyalty Card Linked", loyalty, 2, plainFlavor},
	{journey.Track, "NPS Answered", loyalty, 2, scoreFlavor},

	{journey.Track, "Recipe Shared", advocacy, 3, plainFlavor},
	{journey.Track, "Product Shared", advocacy, 2, productFlavor},
	{journey.Track, "Invite Sent", advocacy, 3, plainFlavor},
}

// Places in acts that the plot names.
const (
	actIdentify = iota
	actSignUp
	actCheckout
	actNoSlot
	actSlot
	actCouponDenied
	actPaymentFailed
	actPayment
	actOrder
	actDelivered
	actAccount
)

// actsByStage are the places in acts of what is done at each stage by chance.
var actsByStage = makeActsByStage()

func makeActsByStage() [stageCount][]uint8 {
	var by [stageCount][]uint8
	for i, a := range acts {
		if a.weight > 0 {
			by[a.stage] = append(by[a.stage], uint8(i))
		}
	}
	return by
}
