package instance

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Keys are the secrets of one site that the commands use. Any may be empty.
type Keys struct {
	Write string `json:"write_key,omitempty"`
	Read  string `json:"read_token,omitempty"`
	Admin string `json:"admin_token,omitempty"`
}

// credentials is the file of the keys by site id.
type credentials struct {
	Sites map[string]Keys `json:"sites"`
}

// Keys gives those of a site; all are empty where none are kept.
func (f Folder) Keys(site string) (Keys, error) {
	var c credentials
	if _, err := f.load(f.CredentialsFile(), &c); err != nil {
		return Keys{}, err
	}
	return c.Sites[site], nil
}

// SaveKeys keeps those of a site beside those of others. Empty ones leave what is kept. Processes
// that save at the same time wait for each other.
func (f Folder) SaveKeys(site string, keys Keys) error {
	turn, err := f.awaitTurn()
	if err != nil {
		return err
	}
	defer turn.Close() //nolint:errcheck // the system gives it back
	var c credentials
	if _, err := f.load(f.CredentialsFile(), &c); err != nil {
		return err
	}
	if c.Sites == nil {
		c.Sites = make(map[string]Keys)
	}
	kept := c.Sites[site]
	for _, k := range []struct {
		into *string
		from string
	}{{&kept.Write, keys.Write}, {&kept.Read, keys.Read}, {&kept.Admin, keys.Admin}} {
		if k.from != "" {
			*k.into = k.from
		}
	}
	c.Sites[site] = kept
	return f.save(f.CredentialsFile(), c)
}

// awaitTurn waits until no other process changes the credentials; closing the file ends the turn.
func (f Folder) awaitTurn() (*os.File, error) {
	file, err := os.OpenFile(f.CredentialsFile()+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the credentials: %w", err)
	}
	if err := flock(file, syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking the credentials: %w", err), file.Close())
	}
	return file, nil
}

const rootTokenBytes = 24

// RootToken reads the operator's token; it is empty where there is none.
func (f Folder) RootToken() (string, error) {
	text, err := os.ReadFile(f.RootTokenFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the root token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// MakeRootToken reads the operator's token, making one where there is none.
func (f Folder) MakeRootToken() (string, error) {
	token, err := f.RootToken()
	if err != nil || token != "" {
		return token, err
	}
	b := make([]byte, rootTokenBytes)
	_, _ = rand.Read(b) // never fails: it ends the process first
	token = "root_" + hex.EncodeToString(b)
	return token, replace(f.RootTokenFile(), []byte(token+"\n"))
}
