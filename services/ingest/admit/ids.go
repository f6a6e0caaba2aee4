package admit

import "github.com/waystage/waystage/services/journey"

// Limits of what a message may hold.
const (
	// MaxIDBytes is the length of a message, user, anonymous, previous or group id.
	MaxIDBytes = 512
	// MaxEventBytes is the length of an event name.
	MaxEventBytes = 512
)

// IsIdentity is journey.IsIdentity.
func IsIdentity(id string) bool { return journey.IsIdentity(id) }
