package recording

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Handler answers a Remote, which a test is that runs in another process.
func (p *Proxy) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.Atoi(r.FormValue("after"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		list, _ := p.Requests(after)        // it has them at hand
		_ = json.NewEncoder(w).Encode(list) // who has gone does not read it
	})
	mux.HandleFunc("POST /break", func(w http.ResponseWriter, r *http.Request) {
		if err := p.Break(r.FormValue("fault"), r.FormValue("pattern")); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	return mux
}

// Remote is a Proxy in another process, at the address of its Handler.
type Remote string

// Requests are as of the Proxy.
func (r Remote) Requests(after int) ([]Request, error) {
	var list []Request
	err := r.ask(http.MethodGet, "/requests", url.Values{"after": {strconv.Itoa(after)}}, &list)
	return list, err
}

// Break is as of the Proxy.
func (r Remote) Break(fault, pattern string) error {
	return r.ask(http.MethodPost, "/break", url.Values{"fault": {fault}, "pattern": {pattern}}, nil)
}

// direct goes through no proxy, whatever the environment says.
var direct = &http.Client{Transport: &http.Transport{}}

func (r Remote) ask(method, path string, values url.Values, into any) error {
	request, err := http.NewRequest(method, "http://"+string(r)+path+"?"+values.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := direct.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it is read to its end
	content, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", response.Status, content)
	case into == nil:
		return nil
	}
	return json.Unmarshal(content, into)
}
