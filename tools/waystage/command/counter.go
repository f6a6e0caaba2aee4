package command

import (
	"io"
	"sync/atomic"
)

// counter counts the bytes read through it.
type counter struct {
	io.Reader
	bytes atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c *counter) load() int64 { return c.bytes.Load() }
