package collect_test

import (
	"context"
	"log"
	"time"

	"github.com/waystage/waystage/proto/collect"
	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// A server tells that an order was completed, and loses nothing when it stops.
func Example() {
	client, err := collect.New("waystage.example.com:8083", "wk_0123456789",
		collect.WithRefused(func(m *collectv1.Message, why *collectv1.Refusal) {
			log.Printf("message %s was refused: %s: %s",
				m.GetMessageId(), why.GetReason(), why.GetDetail())
		}),
		collect.WithRetried(func(err error, wait time.Duration) {
			log.Printf("sending again in %v: %v", wait, err)
		}))
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		undelivered, err := client.Close(ctx)
		for _, m := range undelivered {
			log.Printf("message %s was not delivered: %v", m.GetMessageId(), err)
		}
	}()

	err = client.Send(context.Background(), &collectv1.Message{
		Kind:           collectv1.Kind_KIND_TRACK,
		UserId:         "ann",
		Event:          "Order Completed",
		PropertiesJson: `{"order_id": "o-1", "revenue": 18.99}`,
	})
	if err != nil {
		log.Print(err)
	}
}
