// Command oracle asks Kyverno's own engine what it decides, and writes the answers down.
//
// It knows the case files of testdata/kyverno and Kyverno's Go packages; it knows nothing of Toolgate.
// See README.md for the commands and testdata/kyverno/README.md for the formats.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

const usage = `usage:
  oracle record FILE.jsonl...             answer every case of the files, in place
  oracle serve                            answer one case per line of standard input
  oracle apply [-kyverno PATH] DIR...     run "kyverno apply" in every directory, write its expected.json
  oracle http-server -address A -policies DIR
                                          serve the policies with Kyverno's HTTP server
  oracle time -policies DIR -request FILE [-seconds N]
                                          time Kyverno's engine in process
  oracle tests [-kyverno PATH] DIR...     run "kyverno test" in every directory, write its expected.json
  oracle doubles                          print doubles and their shortest texts, for src/value/number/shortest.tsv
  oracle environments DIR                 write every overload, variable and type that the environments declare, for
                                          testdata/kyverno/environments
  oracle versions                         print the versions of the modules that answer
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command\n%s", usage)
	}
	if err := checkVersions(); err != nil {
		return err
	}
	silenceLogs()
	time.Local = time.UTC // as in Kyverno's container, wherever this runs
	restoreKeyLimits()
	switch command, args := args[0], args[1:]; command {
	case "record":
		return record(args)
	case "serve":
		return serve(os.Stdin, os.Stdout)
	case "apply":
		flags := flag.NewFlagSet("apply", flag.ContinueOnError)
		kyverno := flags.String("kyverno", "kyverno", "Kyverno's command line tool, built from this module")
		if err := flags.Parse(args); err != nil {
			return err
		}
		return inEach(*kyverno, flags.Args(), applyOne)
	case "http-server":
		return httpServer(args)
	case "time":
		return timeEngine(args)
	case "tests":
		flags := flag.NewFlagSet("tests", flag.ContinueOnError)
		kyverno := flags.String("kyverno", "kyverno", "Kyverno's command line tool, built from this module")
		if err := flags.Parse(args); err != nil {
			return err
		}
		return inEach(*kyverno, flags.Args(), recordTest)
	case "doubles":
		return doubles(os.Stdout)
	case "environments":
		if len(args) != 1 {
			return fmt.Errorf("environments: name the directory")
		}
		return environments(args[0])
	case "versions":
		return encode(os.Stdout, versions())
	default:
		return fmt.Errorf("unknown command %q\n%s", command, usage)
	}
}
