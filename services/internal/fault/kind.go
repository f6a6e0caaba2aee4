package fault

import "fmt"

// Kind says what sort of thing went wrong. 0 stands for no error.
type Kind uint8

// The closed set of kinds.
const (
	// Invalid is a request that is wrong whatever the state of the system.
	Invalid Kind = iota + 1
	// Unauthenticated is a request without a key or token that is good.
	Unauthenticated
	// Forbidden is a request whose key or token does not open what it asks for.
	Forbidden
	// NotFound is a request for something that is not there.
	NotFound
	// Exists is a request to make what is already there.
	Exists
	// TooLarge is a request over a limit of size.
	TooLarge
	// Exhausted is a request over a limit of rate or number. It may be retried after RetryAfter.
	Exhausted
	// Unavailable is a dependency that is away. It may be retried.
	Unavailable
	// Expired is a deadline that passed or a caller who left. It may be retried by whoever still
	// has time, if doing it twice does no harm: the first try may have been carried out.
	Expired
	// Unsupported is a request that is well formed but not answered yet.
	Unsupported
	// Internal is a mistake of ours, and every error that has no kind.
	Internal
)

var kindNames = [...]string{
	0:               "none",
	Invalid:         "invalid",
	Unauthenticated: "unauthenticated",
	Forbidden:       "forbidden",
	NotFound:        "not_found",
	Exists:          "exists",
	TooLarge:        "too_large",
	Exhausted:       "exhausted",
	Unavailable:     "unavailable",
	Expired:         "expired",
	Unsupported:     "unsupported",
	Internal:        "internal",
}

// Kinds are all kinds, in the order above.
func Kinds() []Kind {
	kinds := make([]Kind, 0, len(kindNames)-1)
	for k := Invalid; k <= Internal; k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

// String is the kind in lower case with underscores, as it stands in logs and metric labels.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return fmt.Sprintf("kind_%d", uint8(k))
	}
	return kindNames[k]
}

// Retryable tells whether the same request may succeed later.
func (k Kind) Retryable() bool {
	return k == Exhausted || k == Unavailable || k == Expired
}
