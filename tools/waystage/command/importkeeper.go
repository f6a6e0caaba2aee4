package command

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/waystage/waystage/tools/waystage/archive"
	"github.com/waystage/waystage/tools/waystage/collect"
)

// keeper keeps the checkpoint of an import beside its file. The zero keeper keeps none.
type keeper struct {
	world   *World
	path    string
	now     archive.Checkpoint
	refused *refusedFile
}

// keeper is that of a file that can be read again; settings are the hash of what becomes of rows.
func (i *importing) keeper(in *os.File, settings string, sender *collect.Client) (*keeper, error) {
	k := &keeper{world: i.world}
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return k, nil
	}
	mark, err := archive.MarkOf(in)
	if err != nil {
		return nil, err
	}
	k.path = archive.CheckpointPath(in.Name())
	k.now = archive.Checkpoint{File: mark, Mapping: settings, Target: i.aim(sender)}
	return k, nil
}

// aim says where messages go, the same at every start of an instance on this machine.
func (i *importing) aim(sender *collect.Client) string {
	place := sender.Address
	if i.stated(i.ingest, envIngest) == "" {
		place = "the instance on " + i.data
		if path, err := filepath.Abs(i.data); err == nil {
			place = "the instance on " + path
		}
	}
	key := sha256.Sum256([]byte(sender.WriteKey))
	return fmt.Sprintf("%s by the write key with the hash %s…", place, hex.EncodeToString(key[:4]))
}

// earlier is what an earlier run has done, where resume asks to go on from it.
func (k *keeper) earlier(resume bool) (archive.Report, error) {
	if k.path == "" {
		if resume {
			return archive.Report{}, usage("--resume: there are checkpoints of regular files alone; " +
				"use --from-line")
		}
		return archive.Report{}, nil
	}
	c, err := archive.LoadCheckpoint(k.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && resume:
		return archive.Report{}, fmt.Errorf("there is no checkpoint %s: nothing was begun, or all "+
			"was done; leave --resume out", k.path)
	case errors.Is(err, fs.ErrNotExist):
		return archive.Report{}, nil
	case !resume:
		fmt.Fprintf(k.world.Stderr, "An earlier import of this file did not end; this one begins "+
			"anew. With --resume it would go on from %s\n", k.path)
		return archive.Report{}, nil
	case err != nil:
		return archive.Report{}, err
	}
	return c.Report, c.Same(k.now)
}

// save writes a checkpoint. Where it cannot, it says so once and the import goes on.
func (k *keeper) save(sum archive.Report) error {
	if err := k.refused.flush(); err != nil {
		return err
	}
	if k.path == "" || sum.Lines == 0 {
		return nil
	}
	k.now.SavedAt, k.now.Report = time.Now().UTC(), sum
	if err := k.now.Save(k.path); err != nil {
		fmt.Fprintf(k.world.Stderr, "%v\nThe import goes on; if it is stopped, use --from-line\n", err)
		k.path = ""
	}
	return nil
}

// done takes the checkpoint away.
func (k *keeper) done() error {
	if k.path == "" {
		return nil
	}
	if err := os.Remove(k.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking the checkpoint away: %w", err)
	}
	return nil
}

// again says how to go on after an import that ended early.
func (k *keeper) again(sum archive.Report) string {
	if k.path != "" {
		if _, err := os.Stat(k.path); err == nil {
			return "go on by the same command with --resume"
		}
	}
	return fmt.Sprintf("go on by the same command with --from-line %d", sum.ResumeLine)
}
