package up

import (
	"context"
	"fmt"
	"time"

	"github.com/waystage/waystage/services/engine"
)

// closeTimeout bounds the wait for queries of the embedded ClickHouse when it is closed.
const closeTimeout = 15 * time.Second

// database is where everything lies in the embedded ClickHouse.
const database = "waystage"

// engines gives the addresses of ClickHouse and Kafka, starting those that nobody brought along.
func (u *up) engines(ctx context.Context) (clickHouse string, brokers []string, err error) {
	if clickHouse = u.config.ClickHouse; clickHouse == "" {
		if clickHouse, err = u.openClickHouse(ctx); err != nil {
			return "", nil, err
		}
	}
	if brokers = u.config.Kafka; len(brokers) > 0 {
		return clickHouse, brokers, nil
	}
	kafka, err := engine.OpenKafka(engine.KafkaConfig{Dir: u.folder.Kafka()})
	if err != nil {
		return "", nil, fmt.Errorf("starting the embedded Kafka: %w", err)
	}
	u.running.push("kafka", kafka.Close)
	u.screen.Line("started kafka        %s (embedded)", kafka.Addr())
	return clickHouse, []string{kafka.Addr()}, nil
}

func (u *up) openClickHouse(ctx context.Context) (string, error) {
	library, err := engine.FindLibrary(u.config.Library)
	if err != nil {
		return "", fmt.Errorf("starting the embedded ClickHouse: %w", err)
	}
	server, err := engine.OpenClickHouse(ctx, engine.ClickHouseConfig{
		Library: library, Dir: u.folder.ClickHouse(),
	})
	if err != nil {
		return "", fmt.Errorf("starting the embedded ClickHouse: %w", err)
	}
	u.running.push("clickhouse", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		return server.Close(ctx)
	})
	u.screen.Line("started clickhouse   %s (embedded)", server.URL())
	return server.DSN() + "/" + database, nil
}
