package host

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"
)

// The formats of NewLogger.
const (
	JSON    = "json"
	Console = "console"
)

var levels = map[string]zerolog.Level{
	"debug": zerolog.DebugLevel,
	"info":  zerolog.InfoLevel,
	"warn":  zerolog.WarnLevel,
	"error": zerolog.ErrorLevel,
}

// NewLogger makes a logger of lines with a time in UTC. format is JSON or Console. Errors: a level
// or format that does not exist.
func NewLogger(w io.Writer, level, format string) (zerolog.Logger, error) {
	least, known := levels[level]
	var mistakes []error
	if !known {
		mistakes = append(mistakes,
			fmt.Errorf("log level %q: there are debug, info, warn and error", level))
	}
	switch format {
	case JSON:
	case Console:
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, TimeLocation: time.UTC}
	default:
		mistakes = append(mistakes, fmt.Errorf("log format %q: there are json and console", format))
	}
	if err := errors.Join(mistakes...); err != nil {
		return zerolog.Nop(), err
	}
	return zerolog.New(w).Level(least).With().Timestamp().Logger(), nil
}
