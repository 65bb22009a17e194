package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// expected is what "kyverno apply" did in one directory. Source is set where the files are Kyverno's own:
// a path in the module cache, where the command ran.
type expected struct {
	Source string     `json:"source,omitempty"`
	Args   []string   `json:"args"`
	Exit   int        `json:"exit"`
	Rows   []applyRow `json:"rows"`
	// Reports are the documents of "--policy-report" in order of namespace and name, without their time, and with
	// their results in order of policy, message and result, because Kyverno's order is random.
	Reports []any  `json:"reports"`
	Stdout  string `json:"stdout"`
	Stderr  string `json:"stderr"`
}

// applyRow is one result. Kyverno's output does not name the payload; it goes through the payloads in
// order, and through all policies for each.
type applyRow struct {
	Payload string `json:"payload"`
	Policy  string `json:"policy"`
	Result  string `json:"result"`
	Message string `json:"message"`
}

// inEach calls one with the whole path of the command line tool for each directory.
func inEach(kyverno string, directories []string, one func(kyverno, directory string) error) error {
	kyverno, err := exec.LookPath(kyverno)
	if err != nil {
		return err
	}
	if kyverno, err = filepath.Abs(kyverno); err != nil {
		return err
	}
	for _, directory := range directories {
		if err := one(kyverno, directory); err != nil {
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
	var err error
	table := append(slices.Clone(result.Args), "--table", "--detailed-results", "--remove-color")
	if result.Stdout, result.Stderr, result.Exit, err = runKyverno(kyverno, workplace, table); err != nil {
		return err
	}
	if result.Rows, err = rows(kyverno, workplace, result); err != nil {
		return err
	}
	if result.Reports, err = reports(kyverno, workplace, result.Args); err != nil {
		return err
	}
	fmt.Printf("%s: %d rows, exit %d\n", filepath.Base(directory), len(result.Rows), result.Exit)
	return writeExpected(file, result)
}

// writeExpected writes what a command did as indented JSON.
func writeExpected(file string, result any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		return err
	}
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

var payloadFlags = []string{"--http-payload", "--envoy-payload", "--json"}

func payloads(args []string) []string {
	var files []string
	for i, arg := range args {
		if slices.Contains(payloadFlags, arg) && i+1 < len(args) {
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

// tableRow is one numbered line of the table: ID, POLICY, RULE, RESOURCE, RESULT, ...
var tableRow = regexp.MustCompile(`(?m)^│ \d+ +│ (\S*) +│[^│]*│[^│]*│ (\S*) +│`)

// rows joins two outputs: the table has the order, but cuts long messages; the report has the messages
// whole, but in random order. So there is one report for each payload.
func rows(kyverno, directory string, result expected) ([]applyRow, error) {
	joined := []applyRow{}
	lines := tableRow.FindAllStringSubmatch(result.Stdout, -1)
	if len(lines) == 0 {
		return joined, nil
	}
	files := payloads(result.Args)
	if len(lines)%len(files) != 0 {
		return nil, fmt.Errorf("%d lines for %d payloads", len(lines), len(files))
	}
	each := len(lines) / len(files)
	for i, file := range files {
		found, err := report(kyverno, directory, withPayload(result.Args, file))
		if err != nil {
			return nil, err
		}
		for _, line := range lines[i*each : (i+1)*each] {
			row, ok := found[line[1]]
			if !ok || !strings.EqualFold(row.Result, line[2]) {
				return nil, fmt.Errorf("%s: the table says %q, the report %+v", file, line[1:], row)
			}
			row.Payload = file
			joined = append(joined, row)
		}
	}
	return joined, nil
}

// report runs Kyverno for its JSON report, and gives the rows by policy.
func report(kyverno, directory string, args []string) (map[string]applyRow, error) {
	documents, err := reports(kyverno, directory, args)
	if err != nil {
		return nil, err
	}
	found := map[string]applyRow{}
	for _, document := range documents {
		for _, result := range results(document) {
			row := applyRow{Policy: member(result, "policy"), Result: member(result, "result"), Message: member(result, "message")}
			if _, ok := found[row.Policy]; ok {
				return nil, fmt.Errorf("two results of policy %s", row.Policy)
			}
			found[row.Policy] = row
		}
	}
	return found, nil
}

// reports runs Kyverno for its JSON reports.
func reports(kyverno, directory string, args []string) ([]any, error) {
	args = append(slices.Clone(args), "--policy-report", "--output-format", "json")
	stdout, _, _, err := runKyverno(kyverno, directory, args)
	if err != nil {
		return nil, err
	}
	documents := []any{}
	for line := range strings.Lines(stdout) {
		if !strings.HasPrefix(line, `{"kind":`) {
			continue
		}
		var document any
		if err := json.Unmarshal([]byte(line), &document); err != nil {
			return nil, err
		}
		results := results(document)
		for _, result := range results {
			delete(result.(map[string]any), "timestamp")
		}
		slices.SortStableFunc(results, func(a, b any) int {
			return cmp.Or(strings.Compare(member(a, "policy"), member(b, "policy")),
				strings.Compare(member(a, "message"), member(b, "message")),
				strings.Compare(member(a, "result"), member(b, "result")))
		})
		documents = append(documents, document)
	}
	metadata := func(document any) any { return document.(map[string]any)["metadata"] }
	slices.SortStableFunc(documents, func(a, b any) int {
		return cmp.Or(strings.Compare(member(metadata(a), "namespace"), member(metadata(b), "namespace")),
			strings.Compare(member(metadata(a), "name"), member(metadata(b), "name")))
	})
	return documents, nil
}

func results(report any) []any {
	results, _ := report.(map[string]any)["results"].([]any)
	return results
}

func member(object any, name string) string {
	text, _ := object.(map[string]any)[name].(string)
	return text
}

// withPayload keeps only one of the payloads.
func withPayload(args []string, payload string) []string {
	var kept []string
	flag := "--http-payload"
	for i := 0; i < len(args); i++ {
		if slices.Contains(payloadFlags, args[i]) {
			if i+1 < len(args) && args[i+1] == payload {
				flag = args[i]
			}
			i++
			continue
		}
		kept = append(kept, args[i])
	}
	return append(kept, flag, payload)
}
