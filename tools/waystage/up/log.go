package up

import (
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"
)

// newLog makes the logger that all services share. format is console or json.
func newLog(w io.Writer, level, format string) (zerolog.Logger, error) {
	least, err := zerolog.ParseLevel(level)
	if err != nil || level == "" {
		return zerolog.Nop(), fmt.Errorf(
			"log level %q: there are debug, info, warn and error", level)
	}
	switch format {
	case "json":
	case "console":
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true}
	default:
		return zerolog.Nop(), fmt.Errorf("log format %q: there are console and json", format)
	}
	return zerolog.Nop().Output(w).Level(least).With().Timestamp().Logger(), nil
}
