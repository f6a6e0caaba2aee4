package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/waystage/waystage/tools/waystage/collect"
	"github.com/waystage/waystage/tools/waystage/demo"
	"github.com/waystage/waystage/tools/waystage/instance"
	"github.com/waystage/waystage/tools/waystage/remote"
)

// Variables of the environment that stand for flags.
const (
	envServer     = "WAYSTAGE_SERVER"
	envToken      = "WAYSTAGE_TOKEN"
	envIngest     = "WAYSTAGE_INGEST"
	envWriteKey   = "WAYSTAGE_WRITE_KEY"
	envClickHouse = "WAYSTAGE_CLICKHOUSE_DSN"
	envLibrary    = "WAYSTAGE_LIBCHDB"
)

// target is which Waystage a command talks to, and with which key: flags go before the
// environment, that before what the data folder of an instance on this machine says.
type target struct {
	world *World

	data, site       string
	server, token    string
	ingest, writeKey string
}

func (t *target) folder() instance.Folder { return instance.Folder(t.data) }

// addData adds the flag of the data folder.
func (t *target) addData(c *cobra.Command) {
	c.Flags().StringVar(&t.data, "data", instance.DefaultDir,
		"data `folder` of the instance on this machine")
}

func (t *target) addSite(c *cobra.Command) {
	c.Flags().StringVar(&t.site, "site", demo.Site, "`id` of the site")
}

// addServer adds the flags of commands that ask or define.
func (t *target) addServer(c *cobra.Command) {
	t.addData(c)
	c.Flags().StringVar(&t.server, "server", "", "gRPC `address` HOST:PORT, or https://HOST:PORT "+
		"(WAYSTAGE_SERVER; default: the instance on the data folder)")
	c.Flags().StringVar(&t.token, "token", "", "read, admin or root `token` "+
		"(WAYSTAGE_TOKEN; default: from the data folder)")
}

// addIngest adds the flags of commands that send.
func (t *target) addIngest(c *cobra.Command) {
	t.addData(c)
	t.addSite(c)
	c.Flags().StringVar(&t.ingest, "ingest", "", "`URL` of ingest, http://HOST:PORT "+
		"(WAYSTAGE_INGEST; default: the instance on the data folder)")
	c.Flags().StringVar(&t.writeKey, "write-key", "", "write `key` of the site "+
		"(WAYSTAGE_WRITE_KEY; default: from the data folder)")
}

// stated is a flag, else a variable of the environment.
func (t *target) stated(flag, variable string) string {
	if flag != "" {
		return flag
	}
	return t.world.Environment(variable)
}

// need is how much a token must open.
type need int

const (
	reading need = iota
	administration
	operation
)

// client connects with the question API.
func (t *target) client(what need) (*remote.Client, error) {
	address := t.stated(t.server, envServer)
	token := t.stated(t.token, envToken)
	local := address == ""
	if local {
		run, err := t.run("--server or WAYSTAGE_SERVER")
		if err != nil {
			return nil, err
		}
		address = run.GRPC
	}
	if token == "" && local {
		kept, err := t.keptToken(what)
		if err != nil {
			return nil, err
		}
		token = kept
	}
	return remote.New(address, token)
}

// local tells whether the server is the instance on the data folder.
func (t *target) local() bool { return t.stated(t.server, envServer) == "" }

func (t *target) run(flag string) (instance.Run, error) {
	run, err := t.folder().FindRun()
	if errors.Is(err, instance.ErrNotRunning) {
		return run, fmt.Errorf("no instance runs on the data folder %s: start one with "+
			"`%s up`, name its folder with --data, or say where a server is with %s",
			t.data, t.world.Self, flag)
	}
	return run, err
}

// keptToken is the least powerful token of the data folder that will do.
func (t *target) keptToken(what need) (string, error) {
	keys, err := t.folder().Keys(t.site)
	if err != nil {
		return "", err
	}
	switch {
	case what == reading && keys.Read != "":
		return keys.Read, nil
	case what != operation && keys.Admin != "":
		return keys.Admin, nil
	}
	return t.folder().RootToken()
}

// sender connects with ingest.
func (t *target) sender(retryFor time.Duration) (*collect.Client, error) {
	address := t.stated(t.ingest, envIngest)
	key := t.stated(t.writeKey, envWriteKey)
	local := address == ""
	if local {
		run, err := t.run("--ingest or WAYSTAGE_INGEST")
		if err != nil {
			return nil, err
		}
		address = run.Ingest
	}
	if key == "" && local {
		keys, err := t.folder().Keys(t.site)
		if err != nil {
			return nil, err
		}
		key = keys.Write
	}
	if key == "" {
		return nil, usage("no write key of site %q is known here: give one with --write-key or "+
			"WAYSTAGE_WRITE_KEY; `%s site key create write --site %s` makes one",
			t.site, t.world.Self, t.site)
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	return &collect.Client{Address: address, WriteKey: key, RetryFor: retryFor}, nil
}

// parent is the site as the API names it.
func (t *target) parent() string { return "sites/" + t.site }
