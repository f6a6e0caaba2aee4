package collect

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	collectv1 "github.com/waystage/waystage/proto/gen/waystage/collect/v1"
)

// Option changes what New makes.
type Option func(*settings)

type settings struct {
	tls           *tls.Config
	plain         bool
	lanes         int
	batchMessages int
	linger        time.Duration
	queueBytes    int64
	timeout       time.Duration
	firstPause    time.Duration
	longestPause  time.Duration
	imported      bool
	refused       func(*collectv1.Message, *collectv1.Refusal)
	retried       func(error, time.Duration)
	dial          []grpc.DialOption
}

// usual are the settings of a client that states none.
var usual = settings{
	lanes: 4, batchMessages: 100, linger: 50 * time.Millisecond, queueBytes: 16 << 20,
	timeout: 30 * time.Second, firstPause: 100 * time.Millisecond, longestPause: 10 * time.Second,
}

// WithTLS sets how the connection is encrypted. Usual: by the roots of this machine.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) { s.tls, s.plain = config.Clone(), false }
}

// WithoutTLS leaves the connection unencrypted: whoever reads along learns the write key.
func WithoutTLS() Option { return func(s *settings) { s.plain = true } }

// WithLanes sets how many batches may be under way at once. Usual: 4.
func WithLanes(lanes int) Option { return func(s *settings) { s.lanes = lanes } }

// WithBatch sets how many messages, at most 5000, are sent at once, and how long a message waits
// for others. Usual: 100 messages, 50 ms.
func WithBatch(messages int, wait time.Duration) Option {
	return func(s *settings) { s.batchMessages, s.linger = messages, wait }
}

// WithQueue sets how much memory, in bytes, the messages that wait may take: a little more than
// twice their size. Usual: 16 MiB.
func WithQueue(bytes int64) Option { return func(s *settings) { s.queueBytes = bytes } }

// WithTimeout sets how long one try to send a batch may take. Usual: 30 s.
func WithTimeout(timeout time.Duration) Option { return func(s *settings) { s.timeout = timeout } }

// WithPauses sets the first and the longest pause between two tries, each up to half longer or
// shorter by chance. Where the server asks for a longer one, it gets it. Usual: 100 ms, 10 s.
func WithPauses(first, longest time.Duration) Option {
	return func(s *settings) { s.firstPause, s.longestPause = first, longest }
}

// WithImported says that the messages come from an archive: that they are sent long after they
// occurred says nothing of a clock.
func WithImported() Option { return func(s *settings) { s.imported = true } }

// WithRefused sets what hears of every message that the server refused. It is called by several
// lanes at once, and holds up the one that calls it; it must not call Flush or Close. It may call
// Send: the batch that it hears of takes no room any more. Where others send too, and may take that
// room first, it should do so with a ctx that ends, for the lane that it holds up makes no more.
func WithRefused(hear func(message *collectv1.Message, why *collectv1.Refusal)) Option {
	return func(s *settings) { s.refused = hear }
}

// WithRetried sets what hears of every try that failed and is made again after a time, for logs.
// It is called as the function of WithRefused is.
func WithRetried(hear func(err error, wait time.Duration)) Option {
	return func(s *settings) { s.retried = hear }
}

// WithDialOptions adds options of the connection.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.dial = append(s.dial, options...) }
}

// check tells every setting that cannot be.
func (s *settings) check(address, writeKey string) error {
	var mistakes []error
	need := func(holds bool, format string, args ...any) {
		if !holds {
			mistakes = append(mistakes, fmt.Errorf(format, args...))
		}
	}
	_, _, err := net.SplitHostPort(address)
	need(err == nil || strings.Contains(address, ":///"),
		"the address %q is none: write host:port", address)
	need(writeKey != "", "there is no write key: give one of the site")
	need(s.lanes >= 1, "WithLanes: %d: give 1 or more", s.lanes)
	need(s.batchMessages >= 1 && s.batchMessages <= maxBatchMessages,
		"WithBatch: %d messages: give 1 to %d", s.batchMessages, maxBatchMessages)
	need(s.linger >= 0, "WithBatch: a wait of %v: give 0 or more", s.linger)
	need(s.queueBytes >= 1, "WithQueue: %d bytes: give 1 or more", s.queueBytes)
	need(s.timeout > 0, "WithTimeout: %v: give more than 0", s.timeout)
	need(s.firstPause > 0 && s.longestPause >= s.firstPause,
		"WithPauses: %v to %v: give more than 0, the shorter first", s.firstPause, s.longestPause)
	return errors.Join(mistakes...)
}

// How the connection is kept and found again.
const (
	connectPause   = 100 * time.Millisecond
	connectTimeout = 5 * time.Second
	pingPause      = time.Minute
	pingTimeout    = 20 * time.Second
)

func (s *settings) dialOptions(address string) []grpc.DialOption {
	secured := credentials.NewTLS(s.tls)
	if s.plain || s.tls == nil && isHere(address) {
		secured = insecure.NewCredentials()
	}
	connecting := backoff.DefaultConfig
	connecting.BaseDelay, connecting.MaxDelay = connectPause, s.longestPause
	return append([]grpc.DialOption{
		grpc.WithTransportCredentials(secured),
		grpc.WithUserAgent("waystage-collect-go"),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: connecting, MinConnectTimeout: connectTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: pingPause, Timeout: pingTimeout,
		}),
	}, s.dial...)
}

// isHere tells whether an address is of this machine, which needs no encryption.
func isHere(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
