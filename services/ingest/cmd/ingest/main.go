// Command ingest takes messages over HTTP and keeps them on Kafka.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/waystage/waystage/services/ingest"
	"github.com/waystage/waystage/services/internal/host"
)

func main() {
	var config ingest.Config
	os.Exit(host.Main(host.Program{
		Name: "ingest", Config: &config, Host: &config.Host,
		Run: func(ctx context.Context, h *host.Host) error {
			s, err := ingest.New(config, h.Log, h.Registry)
			if err != nil {
				return fmt.Errorf("preparing: %w", err)
			}
			return s.Run(ctx, h.Ready)
		},
	}))
}
