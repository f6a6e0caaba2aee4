// Command query answers funnel questions over gRPC and HTTP.
package main

import (
	"context"
	"os"

	"github.com/waystage/waystage/services/internal/host"
	"github.com/waystage/waystage/services/query"
)

func main() {
	var cfg query.Config
	os.Exit(host.Main(host.Program{
		Name: "query", Config: &cfg, Host: &cfg.Host,
		Run: func(ctx context.Context, h *host.Host) error {
			service, err := query.New(cfg, h.Log, h.Registry)
			if err != nil {
				return err
			}
			defer query.BoundGarbage(query.MostGarbage)()
			return service.Run(ctx, h.Ready)
		},
	}))
}
