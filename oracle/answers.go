package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// Reply is what a URL of a case answers while the case is asked. Kyverno's functions really call it: the URL must be
// on answersAddress, and its path must be that of one case only.
type Reply struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body"`
	// Echo: the body is what was asked, see echoed.
	Echo bool `json:"echo,omitempty"`
}

// echoed is a request as far as the policy decides it.
type echoed struct {
	Method  string      `json:"method"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
}

// echo leaves out the headers that Go's client sends of itself.
func echo(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	for _, own := range []string{"User-Agent", "Accept-Encoding", "Content-Length"} {
		r.Header.Del(own)
	}
	return json.Marshal(echoed{r.Method, r.Header, string(body)})
}

const answersAddress = "127.0.0.1:41337"

var (
	replies      sync.Map
	startAnswers = sync.OnceValue(func() error {
		listener, err := net.Listen("tcp", answersAddress)
		if err != nil {
			return err
		}
		go func() { _ = http.Serve(listener, http.HandlerFunc(answer)) }()
		return nil
	})
)

func answer(w http.ResponseWriter, r *http.Request) {
	found, ok := replies.Load(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	reply := found.(Reply)
	for name, value := range reply.Headers {
		w.Header().Set(name, value)
	}
	body := []byte(reply.Body)
	if reply.Echo {
		var err error
		if body, err = echo(r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(body)
}

// serveAnswers makes the case's URLs answer.
func serveAnswers(c Case) error {
	for address, reply := range c.Answers {
		parsed, err := url.Parse(address)
		if err != nil {
			return err
		}
		if parsed.Scheme != "http" || parsed.Host != answersAddress {
			return fmt.Errorf("%s: the URL of an answer must begin with http://%s/", address, answersAddress)
		}
		replies.Store(parsed.Path, reply)
	}
	if len(c.Answers) == 0 {
		return nil
	}
	return startAnswers()
}
