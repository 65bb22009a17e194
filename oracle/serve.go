package main

import (
	"bufio"
	"encoding/json"
	"io"
)

// maxPrepared bounds the memory of a long run; compiling again is only slow, not wrong.
const maxPrepared = 1024

// reply is one output line of serve. With "requests" in the case, Objects and Answers have one item each
// (an Object is null where Kyverno refused the input).
type reply struct {
	ID      string    `json:"id"`
	Object  *object   `json:"object,omitempty"`
	Answer  any       `json:"answer,omitempty"`
	Objects []*object `json:"objects,omitempty"`
	Answers []any     `json:"answers,omitempty"`
	Failure string    `json:"failure,omitempty"` // the case itself is malformed
}

func serve(in io.Reader, out io.Writer) error {
	prepared := map[string]answerer{}
	buffered := bufio.NewWriter(out)
	lines := lineScanner(in)
	for lines.Scan() {
		c, err := readCase(lines.Bytes())
		answer := reply{ID: c.ID}
		if err == nil {
			err = answerOnce(&answer, c, prepared)
		}
		if err != nil {
			answer = reply{ID: c.ID, Failure: err.Error()}
		}
		if err := encode(buffered, answer); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}

func answerOnce(answer *reply, c Case, prepared map[string]answerer) error {
	key, err := json.Marshal([]any{c.Kind, c.Expr, c.Mode, c.Vars, c.Policies, c.Exceptions, c.Files})
	if err != nil {
		return err
	}
	ask, ok := prepared[string(key)]
	if !ok {
		if ask, err = prepare(c, false); err != nil {
			return err
		}
		if len(prepared) >= maxPrepared {
			clear(prepared)
		}
		prepared[string(key)] = ask
	}
	if c.Requests == nil {
		answer.Object, answer.Answer, err = ask(c.Input)
		return err
	}
	for _, input := range c.Requests {
		object, one, err := ask(input)
		if err != nil {
			return err
		}
		answer.Objects = append(answer.Objects, object)
		answer.Answers = append(answer.Answers, one)
	}
	return nil
}
