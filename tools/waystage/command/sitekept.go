package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newKeyKept(w *World) *cobra.Command {
	t := &target{world: w}
	c := &cobra.Command{
		Use:   "kept write|read|admin",
		Short: "Print a key that the data folder keeps, for scripts",
		Long: `Prints the key of that kind which the data folder keeps of the site: those that "up" and
"site create" made on this machine. Nothing is asked of a server.`,
		Example: `  WRITE_KEY=$(waystage site key kept write)
  READ_TOKEN=$(waystage site key kept read --site shop)`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := siteKeyOf(args[0])
			if err != nil {
				return err
			}
			keys, err := t.folder().Keys(t.site)
			if err != nil {
				return err
			}
			kept := *key.of(&keys)
			if kept == "" {
				return fmt.Errorf("%s keeps no %s key of site %q: make one with `%s site key create "+
					"%s --site %s`", t.folder().CredentialsFile(), args[0], t.site, w.Self, args[0], t.site)
			}
			fmt.Fprintln(w.Stdout, kept)
			return nil
		},
	}
	t.addData(c)
	t.addSite(c)
	return c
}
