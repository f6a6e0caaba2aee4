package up

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// part is something that runs until it is told to stop.
type part struct {
	name   string
	cancel context.CancelFunc
	// ready is closed once it does its work, done once it has ended, with err as its result.
	ready, done chan struct{}
	err         error
}

// launch starts a part. It ends only by stop, or by its own error.
func launch(name string, run func(ctx context.Context, ready func(bool)) error) *part {
	ctx, cancel := context.WithCancel(context.Background())
	p := &part{
		name: name, cancel: cancel, ready: make(chan struct{}), done: make(chan struct{}),
	}
	var once sync.Once
	go func() {
		defer close(p.done)
		p.err = run(ctx, func(is bool) {
			if is {
				once.Do(func() { close(p.ready) })
			}
		})
	}()
	return p
}

// waitNotice is how long nobody is told what is waited for.
const waitNotice = 5 * time.Second

// await waits until the part does its work. say hears once if that takes long.
func (p *part) await(ctx context.Context, say func(string)) error {
	notice := time.NewTimer(waitNotice)
	defer notice.Stop()
	for {
		select {
		case <-p.ready:
			return nil
		case <-p.done:
			return p.early()
		case <-ctx.Done():
			return ctx.Err()
		case <-notice.C:
			say(fmt.Sprintf("waiting for %s; what keeps it is in the log lines", p.name))
		}
	}
}

// early is why a part ended that nobody stopped.
func (p *part) early() error {
	if p.err == nil {
		return fmt.Errorf("%s ended by itself", p.name)
	}
	return fmt.Errorf("%s: %w", p.name, p.err)
}

// stop ends the part in its own order and waits for it.
func (p *part) stop() error {
	p.cancel()
	<-p.done
	return p.err
}

// stack is what was started, to be stopped in the opposite order.
type stack struct{ started []started }

type started struct {
	name string
	stop func() error
}

func (s *stack) push(name string, stop func() error) {
	s.started = append(s.started, started{name, stop})
}

// unwind stops everything, also after errors, which it gives. Each is said with how long it took.
func (s *stack) unwind(say func(name string, took time.Duration, err error)) error {
	var failures []error
	for i := len(s.started) - 1; i >= 0; i-- {
		each := s.started[i]
		began := time.Now()
		err := each.stop()
		say(each.name, time.Since(began), err)
		if err != nil {
			failures = append(failures, fmt.Errorf("stopping %s: %w", each.name, err))
		}
	}
	s.started = nil
	return errors.Join(failures...)
}
