package doctor

import (
	"context"
	"os"
	"runtime"
	"syscall"
)

const machine = "this machine"

func lookAtMachine(_ context.Context, c Config, tell teller) {
	tell.fine(machine, "version", "waystage %s (%s, %s/%s)", Version(), runtime.Version(),
		runtime.GOOS, runtime.GOARCH)
	if c.Dir == "" {
		return
	}
	if _, err := os.Stat(c.Dir); err != nil {
		tell.skip(machine, "disk", "there is no data folder "+c.Dir+" here")
		return
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(c.Dir, &s); err != nil {
		tell.judge(machine, "disk", Warn, "see whether the folder can be read",
			"the disk of %s does not tell its free space: %v", c.Dir, err)
		return
	}
	block := uint64(s.Bsize)
	tell.disk(machine, "data folder "+c.Dir, s.Bavail*block, s.Blocks*block)
}
