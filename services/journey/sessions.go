package journey

import "time"

// SessionIdle is how long a visitor may be silent within one session.
const SessionIdle = 30 * time.Minute

// Sessions counts the sessions of a visitor's touchpoints: instants in milliseconds since 1970, in
// ascending order. A gap above SessionIdle ends a session; midnight does not. It is the reference
// that facts of persons and views are held to.
func Sessions(at []int64) int {
	sessions := 0
	for i := range at {
		if i == 0 || beginsSession(at[i-1], at[i]) {
			sessions++
		}
	}
	return sessions
}

// beginsSession tells whether a touchpoint begins a session, given the one before it.
func beginsSession(before, at int64) bool { return at-before > SessionIdle.Milliseconds() }
