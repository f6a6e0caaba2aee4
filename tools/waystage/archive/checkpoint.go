package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Checkpoint is how far an import came and of what: what the next run needs to go on.
type Checkpoint struct {
	// Version of this form.
	Version int  `json:"version"`
	File    Mark `json:"file"`
	// Mapping is the hash of all settings that decide which messages a row gives.
	Mapping string `json:"mapping"`
	// Target says where the messages go, in words.
	Target  string    `json:"target"`
	SavedAt time.Time `json:"saved_at"`
	// Report is of the lines before its ResumeLine, all of which are settled.
	Report Report `json:"report"`
}

const checkpointVersion = 1

// Mark tells a file from others and from itself after a change.
type Mark struct {
	SizeBytes  int64     `json:"size_bytes"`
	ModifiedAt time.Time `json:"modified_at"`
	// Head is the hash of the first headBytes.
	Head string `json:"head"`
}

const headBytes = 64 << 10

// MarkOf reads the mark of an open file; where it is read on from stays.
func MarkOf(file *os.File) (Mark, error) {
	info, err := file.Stat()
	if err != nil {
		return Mark{}, err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file, 0, headBytes)); err != nil {
		return Mark{}, fmt.Errorf("reading the head of %s: %w", file.Name(), err)
	}
	return Mark{
		SizeBytes: info.Size(), ModifiedAt: info.ModTime().UTC(),
		Head: hex.EncodeToString(hash.Sum(nil)),
	}, nil
}

// CheckpointPath is where the checkpoint of a file lies: beside it.
func CheckpointPath(file string) string { return file + ".waystage-import.json" }

// LoadCheckpoint reads a checkpoint. Errors: fs.ErrNotExist where there is none.
func LoadCheckpoint(path string) (Checkpoint, error) {
	var c Checkpoint
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s is no checkpoint: %w; take it away and begin anew", path, err)
	}
	if c.Version != checkpointVersion {
		return c, fmt.Errorf("%s is of another version of waystage (%d, this one knows %d): take "+
			"it away and begin anew", path, c.Version, checkpointVersion)
	}
	return c, nil
}

// Save writes the checkpoint in the place of an older one: after a crash there is the one or the
// other.
func (c Checkpoint) Save(path string) error {
	c.Version = checkpointVersion
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	_, err = file.Write(append(text, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the reason is told already
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	return nil
}

// Same tells whether an import that is like now can go on from the checkpoint. Errors: what has
// changed, and what to do.
func (c Checkpoint) Same(now Checkpoint) error {
	const anew = "begin anew without --resume: what is sent again counts once"
	switch {
	case c.File.SizeBytes != now.File.SizeBytes:
		return fmt.Errorf("the file has changed since the checkpoint: it had %d bytes and has %d; %s",
			c.File.SizeBytes, now.File.SizeBytes, anew)
	case c.File.Head != now.File.Head:
		return fmt.Errorf("the file has changed since the checkpoint: it begins differently; %s", anew)
	case !c.File.ModifiedAt.Equal(now.File.ModifiedAt):
		return fmt.Errorf("the file was modified at %s, after the checkpoint was written of one of "+
			"%s; %s", now.File.ModifiedAt.Format(time.RFC3339Nano),
			c.File.ModifiedAt.Format(time.RFC3339Nano), anew)
	case c.Mapping != now.Mapping:
		return fmt.Errorf("the mapping, or a flag that says what becomes of a row, has changed since "+
			"the checkpoint: go on with the old one, or %s", anew)
	case c.Target != now.Target:
		return fmt.Errorf("the checkpoint is of an import into %s, and this one goes into %s: go on "+
			"there, or begin anew without --resume", c.Target, now.Target)
	}
	return nil
}
