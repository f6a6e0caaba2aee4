package up

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// screen is where a person watches: lines that stay, and on a terminal one line below them that
// changes. It is safe for concurrent use.
type screen struct {
	out io.Writer
	// live tells a terminal, and width its columns.
	live  bool
	width int

	mutex  sync.Mutex
	status string
	// told is when the status was last printed where there is no terminal.
	told time.Time
}

const eraseLine = "\r\x1b[K"

// Line prints a line that stays.
func (s *screen) Line(format string, args ...any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.print(fmt.Sprintf(format, args...) + "\n")
}

// Write prints log lines, whole ones at a time.
func (s *screen) Write(lines []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.print(string(lines))
	return len(lines), nil
}

func (s *screen) print(text string) {
	if s.status != "" {
		text = eraseLine + text + s.status
	}
	_, _ = io.WriteString(s.out, text)
}

// statusPause is how often the status is told where there is no terminal.
const statusPause = 10 * time.Second

// Status shows what changes: at once on a terminal, a line now and then elsewhere. Empty: nothing.
func (s *screen) Status(text string, now time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.live {
		if text != "" && now.Sub(s.told) >= statusPause {
			s.told = now
			_, _ = io.WriteString(s.out, text+"\n")
		}
		return
	}
	s.status = cut(text, s.width-1)
	_, _ = io.WriteString(s.out, eraseLine+s.status)
}

// Hold starts the pause of Status anew, so that what has just begun is not told at once.
func (s *screen) Hold(now time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.told = now
}

// cut keeps a status in its line.
func cut(text string, columns int) string {
	runes := []rune(text)
	if columns < 1 || len(runes) <= columns {
		return text
	}
	return strings.TrimSpace(string(runes[:columns-1])) + "…"
}
