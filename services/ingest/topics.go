package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/waystage/waystage/services/internal/stream"
)

// What the topics are made with that nobody needs to set.
const (
	quarantinePartitions = 1
	quarantineRetention  = 30 * 24 * time.Hour
	// topicsTimeout bounds one attempt; attempts follow each other after 0.1 to 5 seconds.
	topicsTimeout = 15 * time.Second
	topicsPause   = 100 * time.Millisecond
	topicsMaxWait = 5 * time.Second
)

// topics are attempts to have the topics, one after another on a timer.
type topics struct {
	service *Ingest
	ctx     context.Context
	cancel  context.CancelFunc
	there   func()
	pause   *backoff.ExponentialBackOff

	mutex   sync.Mutex
	stopped bool
	timer   *time.Timer
	running sync.WaitGroup
}

// awaitTopics begins the attempts; there is called once, after the one that succeeds.
func (s *Ingest) awaitTopics(ctx context.Context, there func()) *topics {
	t := &topics{service: s, there: there, pause: backoff.NewExponentialBackOff()}
	t.pause.InitialInterval, t.pause.MaxInterval = topicsPause, topicsMaxWait
	t.ctx, t.cancel = context.WithCancel(ctx)
	t.schedule(0)
	return t
}

func (t *topics) schedule(wait time.Duration) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.stopped {
		return
	}
	t.running.Add(1)
	t.timer = time.AfterFunc(wait, func() {
		defer t.running.Done()
		t.attempt()
	})
}

// stop ends the attempts and waits for the running one.
func (t *topics) stop() {
	t.cancel()
	t.mutex.Lock()
	t.stopped = true
	if t.timer.Stop() {
		t.running.Done()
	}
	t.mutex.Unlock()
	t.running.Wait()
}

func (t *topics) attempt() {
	if err := t.service.ensureTopics(t.ctx); err != nil {
		if t.ctx.Err() == nil {
			wait := t.pause.NextBackOff()
			t.service.log.Warn().Err(err).Dur("wait_ms", wait).Msg("topics are not there yet")
			t.schedule(wait)
		}
		return
	}
	t.service.recorder.open.Store(true)
	t.there()
}

func (s *Ingest) ensureTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, topicsTimeout)
	defer cancel()
	others, err := stream.EnsureTopics(ctx, s.config.Brokers, []stream.Topic{
		{
			Name: s.config.Topic, Partitions: s.config.Partitions,
			Replication: s.config.Replication, Retention: s.config.Retention,
		},
		{
			Name: s.config.QuarantineTopic, Partitions: quarantinePartitions,
			Replication: s.config.Replication, Retention: quarantineRetention,
		},
	})
	for _, o := range others {
		s.log.Warn().Str("topic", o.Name).Int("partitions", o.Partitions).
			Int("wanted", o.Wanted).Msg("the topic has another number of partitions")
	}
	return err
}
