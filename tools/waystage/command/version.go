package command

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/waystage/waystage/services/doctor"
)

func newVersion(w *World) *cobra.Command {
	return &cobra.Command{
		Use: "version", GroupID: groupRun,
		Short:   "Print the version",
		Example: "  waystage version",
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(w.Stdout, "waystage %s (%s, %s/%s)\n",
				doctor.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
