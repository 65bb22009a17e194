package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// expected is what "kyverno apply" did in one directory. Source is set where the files are Kyverno's own:
// a path in the module cache, where the command ran.
type expected struct {
	Source string     `json:"source,omitempty"`
	Args   []string   `json:"args"`
	Exit   int        `json:"exit"`
	Rows   []applyRow `json:"rows"`
	Stdout string     `json:"stdout"`
	Stderr string     `json:"stderr"`
}

// applyRow is one result. Kyverno's output does not name the payload; it goes through the payloads in
// order, and through all policies for each.
type applyRow struct {
	Payload string `json:"payload"`
	Policy  string `json:"policy"`
	Result  string `json:"result"`
	Message string `json:"message"`
}

func apply(kyverno string, directories []string) error {
	kyverno, err := exec.LookPath(kyverno)
	if err != nil {
		return err
	}
	if kyverno, err = filepath.Abs(kyverno); err != nil {
		return err
	}
	for _, directory := range directories {
		if err := applyOne(kyverno, directory); err != nil {
			return fmt.Errorf("%s: %w", directory, err)
		}
	}
	return nil
}

func applyOne(kyverno, directory string) error {
	file := filepath.Join(directory, "expected.json")
	result := expected{}
	if text, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(text, &result); err != nil {
			return err
		}
	}
	workplace := directory
	if result.Source != "" {
		cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
		if err != nil {
			return err
		}
		workplace = filepath.Join(strings.TrimSpace(string(cache)), filepath.FromSlash(result.Source))
	}
	if result.Args == nil {
		args, err := defaultArgs(directory)
		if err != nil {
			return err
		}
		result.Args = args
	}
	// Two runs: the table is what a user sees, the report has the messages whole.
	var err error
	table := append(append([]string{}, result.Args...), "--table", "--detailed-results", "--remove-color")
	if result.Stdout, result.Stderr, result.Exit, err = runKyverno(kyverno, workplace, table); err != nil {
		return err
	}
	report := append(append([]string{}, result.Args...), "--policy-report", "--output-format", "json")
	stdout, _, _, err := runKyverno(kyverno, workplace, report)
	if err != nil {
		return err
	}
	if result.Rows, err = reportRows(stdout, payloads(result.Args)); err != nil {
		return err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		return err
	}
	fmt.Printf("%s: %d rows, exit %d\n", filepath.Base(directory), len(result.Rows), result.Exit)
	return os.WriteFile(file, text.Bytes(), 0o644)
}

// defaultArgs applies every policy file (polic*.yaml) to every payload (payload*.json), in order of name.
func defaultArgs(directory string) ([]string, error) {
	args := []string{"apply"}
	policies, err := filepath.Glob(filepath.Join(directory, "polic*.y*ml"))
	if err != nil {
		return nil, err
	}
	for _, policy := range policies {
		args = append(args, filepath.Base(policy))
	}
	files, err := filepath.Glob(filepath.Join(directory, "payload*.json"))
	if err != nil {
		return nil, err
	}
	for _, payload := range files {
		args = append(args, "--http-payload", filepath.Base(payload))
	}
	return args, nil
}

func payloads(args []string) []string {
	var files []string
	for i, arg := range args {
		if arg == "--http-payload" && i+1 < len(args) {
			files = append(files, args[i+1])
		}
	}
	return files
}

// errorText is the error that Kyverno ends with. The log before it has the time of day, and repeats it.
func errorText(stderr string) string {
	if strings.HasPrefix(stderr, "Error: ") {
		return stderr
	}
	if _, text, found := strings.Cut(stderr, "\nError: "); found {
		return "Error: " + text
	}
	return ""
}

func runKyverno(kyverno, directory string, args []string) (stdout, stderr string, exit int, err error) {
	command := exec.Command(kyverno, args...)
	command.Dir = directory
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	err = command.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		exit, err = failed.ExitCode(), nil
	}
	return out.String(), errorText(errOut.String()), exit, err
}

// reportRows reads the report, the last line that is JSON; without one there are no rows.
func reportRows(stdout string, payloads []string) ([]applyRow, error) {
	rows := []applyRow{}
	start := strings.Index(stdout, `{"kind":`)
	if start < 0 {
		return rows, nil
	}
	var report struct {
		Results []struct{ Policy, Result, Message string }
	}
	if err := json.NewDecoder(strings.NewReader(stdout[start:])).Decode(&report); err != nil {
		return nil, err
	}
	if len(payloads) == 0 || len(report.Results)%len(payloads) != 0 {
		return nil, fmt.Errorf("%d results for %d payloads", len(report.Results), len(payloads))
	}
	each := len(report.Results) / len(payloads)
	for i, result := range report.Results {
		rows = append(rows, applyRow{payloads[i/each], result.Policy, result.Result, result.Message})
	}
	return rows, nil
}
