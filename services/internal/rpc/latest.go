package rpc

// Latest sends messages from a goroutine of its own, so that who offers one never waits for the
// receiver: of those that were not sent yet only the latest is. offer must be called by one
// goroutine at a time, and not after settle, which drops what was not sent and waits until nothing
// is being sent any more. After an error nothing is sent.
func Latest[M any](send func(M) error) (offer func(M), settle func()) {
	next, stop, done := make(chan M, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case m := <-next:
				if send(m) != nil {
					return
				}
			}
		}
	}()
	offer = func(m M) {
		select {
		case <-next:
		default:
		}
		next <- m
	}
	return offer, func() { close(stop); <-done }
}
