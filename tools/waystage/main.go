// Command waystage runs the pipeline on one machine, sends and imports touchpoints, publishes
// journey maps and asks funnel questions. `waystage --help` explains it.
package main

import (
	"os"

	"github.com/waystage/waystage/tools/waystage/command"
)

func main() {
	os.Exit(command.Main(os.Args[1:]))
}
