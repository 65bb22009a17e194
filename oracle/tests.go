package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// testRun is what "kyverno test ." did in one directory.
type testRun struct {
	Exit    int       `json:"exit"`
	Rows    []testRow `json:"rows"`
	Summary string    `json:"summary"`
	Error   string    `json:"error"`
}

// testRow is a row of the table. Kyverno numbers rows in the random order of its maps, so the numbers are left
// out and the rows sorted.
type testRow struct {
	Policy   string `json:"policy"`
	Rule     string `json:"rule"`
	Resource string `json:"resource"`
	Result   string `json:"result"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
}

var summary = regexp.MustCompile(`(?m)^Test Summary: .*$`)

func recordTest(kyverno, directory string) error {
	stdout, stderr, exit, err := runKyverno(kyverno, directory, []string{"test", ".", "--detailed-results", "-o", "json"})
	if err != nil {
		return err
	}
	run := testRun{Exit: exit, Rows: []testRow{}, Summary: summary.FindString(stdout), Error: strings.TrimSpace(stderr)}
	if run.Rows, err = testRows(stdout); err != nil {
		return err
	}
	fmt.Printf("%s: %d rows, exit %d\n", filepath.Base(directory), len(run.Rows), run.Exit)
	return writeExpected(filepath.Join(directory, "expected.json"), run)
}

// testRows reads the JSON lists that stand between lines for people, one for each document.
func testRows(stdout string) ([]testRow, error) {
	rows := []testRow{}
	for at := 0; at < len(stdout); {
		start := strings.Index(stdout[at:], "\n[")
		if start < 0 {
			break
		}
		decoder := json.NewDecoder(strings.NewReader(stdout[at+start+1:]))
		// Names of members differ in case only by "Message", and Go's decoder does not mind.
		var list []testRow
		if err := decoder.Decode(&list); err != nil {
			return nil, err
		}
		rows = append(rows, list...)
		at += start + 1 + int(decoder.InputOffset())
	}
	sort.SliceStable(rows, func(i, j int) bool {
		return fmt.Sprint(rows[i]) < fmt.Sprint(rows[j])
	})
	return rows, nil
}
