// Command processor attributes touchpoints and keeps them in ClickHouse.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/waystage/waystage/services/internal/host"
	"github.com/waystage/waystage/services/processor"
)

func main() {
	var config processor.Config
	os.Exit(host.Main(host.Program{
		Name: "processor", Config: &config, Host: &config.Host,
		Run: func(ctx context.Context, h *host.Host) error {
			p, err := processor.New(config, h.Log, h.Registry)
			if err != nil {
				return fmt.Errorf("preparing: %w", err)
			}
			return p.Run(ctx, h.Ready)
		},
	}))
}
