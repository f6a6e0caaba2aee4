package instance

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Lock is what one process has of a folder. The system gives it back when the process ends,
// however it ends.
type Lock struct{ file *os.File }

// ErrLocked says that another process has the folder.
var ErrLocked = errors.New("`waystage up` already runs on this folder")

// A command that looks whether the folder is locked has it for a moment itself.
const (
	lockTries = 4
	lockPause = 15 * time.Millisecond
)

// Lock takes the folder for this process. Errors: ErrLocked, saying which process has it.
func (f Folder) Lock() (*Lock, error) {
	file, err := os.OpenFile(f.lockFile(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of %s: %w", f, err)
	}
	for range lockTries {
		err = flock(file, syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return &Lock{file}, nil
		}
		time.Sleep(lockPause)
	}
	_ = file.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("locking %s: %w", f, err)
	}
	var run Run
	if found, _ := f.load(f.runFile(), &run); found {
		return nil, fmt.Errorf("%s: %w, as process %d: use another folder (--data), or stop that one",
			f, ErrLocked, run.PID)
	}
	return nil, fmt.Errorf("%s: %w: use another folder (--data), or stop that one", f, ErrLocked)
}

// Unlock gives the folder back.
func (l *Lock) Unlock() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("giving back the lock: %w", err)
	}
	return nil
}

// locked tells whether some process has the folder.
func (f Folder) locked() bool {
	file, err := os.Open(f.lockFile())
	if err != nil {
		return false
	}
	defer file.Close()
	return errors.Is(flock(file, syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
