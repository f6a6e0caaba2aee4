package ingest

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync/atomic"
)

// connections is a listener that keeps no more than a number of connections open: what comes
// beyond is closed at once, so that its sender tries again, or elsewhere.
type connections struct {
	*net.TCPListener

	most int64
	open atomic.Int64
	// refused is told of each that is closed.
	refused func()
}

func listen(address string, most int) (*connections, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says which port
	}
	port, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(errors.New("the port is not of TCP"), listener.Close())
	}
	return &connections{TCPListener: port, most: int64(most), refused: func() {}}, nil
}

// count is how many are open.
func (c *connections) count() int64 { return c.open.Load() }

// Accept gives the next connection that there is room for.
func (c *connections) Accept() (net.Conn, error) {
	for {
		conn, err := c.AcceptTCP()
		if err != nil {
			return nil, err //nolint:wrapcheck // net/http knows this error
		}
		if c.open.Add(1) <= c.most {
			return &counted{TCPConn: conn, all: c}, nil
		}
		c.open.Add(-1)
		_ = conn.Close()
		c.refused()
	}
}

// counted is one of them.
type counted struct {
	*net.TCPConn

	all    *connections
	closed atomic.Bool
	// late tells that the last read ended with its deadline.
	late atomic.Bool
}

func (c *counted) Read(into []byte) (int, error) {
	n, err := c.TCPConn.Read(into)
	if late := errors.Is(err, os.ErrDeadlineExceeded); late != c.late.Load() {
		c.late.Store(late)
	}
	return n, err //nolint:wrapcheck // net/http knows this error
}

// malformed is how net/http begins its answer to what is no request.
var malformed = []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain")

// Write keeps back one answer: net/http takes a header that did not come in time for a malformed
// one, and SDKs drop what is answered with 400. A connection that ends lets them try again.
func (c *counted) Write(answer []byte) (int, error) {
	if c.late.Load() && bytes.HasPrefix(answer, malformed) {
		return 0, os.ErrDeadlineExceeded
	}
	return c.TCPConn.Write(answer) //nolint:wrapcheck // net/http knows this error
}

// Close ends it; only the first time counts.
func (c *counted) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.all.open.Add(-1)
	}
	return c.TCPConn.Close() //nolint:wrapcheck // net/http knows this error
}
