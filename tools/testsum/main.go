// Command testsum reads the output of "go test -json" and prints what people need of it: one line
// per package, the output of what failed, each skipped test with its reason, and at the end
//
//	tests: 123 passed, 0 failed, 0 skipped
//
// It exits with 1 if a test or a package failed, if no test ran, or, with -no-skips, if a test
// was skipped.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	noSkips := flag.Bool("no-skips", false, "fail if a test was skipped")
	flag.Parse()
	sum, err := summarize(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	fmt.Println(sum)
	if sum.failed > 0 || sum.passed == 0 || *noSkips && sum.skipped > 0 {
		os.Exit(1)
	}
}
