package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// artifactJSON is an artifact as JSON.
type artifactJSON struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	Bytes     int64      `json:"bytes"`
	CreatedAt *time.Time `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	Expired   bool       `json:"expired"`
	Files     []string   `json:"files,omitempty"` // where they were saved
}

func newArtifacts(g *globals) *cobra.Command {
	var asJSON bool
	var dir string
	var names []string
	c := &cobra.Command{
		Use:   "artifacts RUN",
		Short: "What a run left behind, with its size and expiry; --dir saves it",
		Long: "artifacts lists what a run left behind. With --dir it downloads the archives and unpacks each below a\n" +
			"directory of its name there. It writes nothing outside of that, and over nothing that is there.",
		Args:              oneArgument("the run's id"),
		ValidArgsFunction: g.completeRuns,
		RunE: func(c *cobra.Command, args []string) error {
			run, err := runID(c, args[0])
			if err != nil {
				return err
			}
			if len(names) > 0 && dir == "" {
				return usage(c, "--name chooses what --dir saves")
			}
			s, err := g.openReader()
			if err != nil {
				return err
			}
			defer s.Close()
			list, err := s.reader.Artifacts(c.Context(), run)
			if err != nil {
				return err
			}
			if list, err = named(list, names); err != nil {
				return err
			}
			saved, failed := map[int64][]string{}, error(nil)
			if dir != "" {
				saved, failed = s.saveArtifacts(c.Context(), list, dir)
			}
			if err := g.printArtifacts(list, saved, asJSON); err != nil {
				return err
			}
			return failed
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.StringVarP(&dir, "dir", "D", "", "save them below this `DIRECTORY`")
	f.StringArrayVarP(&names, "name", "n", nil, "only the artifact of this name (repeatable)")
	return c
}

// named are the artifacts of those names; all where none is given.
func named(list []pipeline.Artifact, names []string) ([]pipeline.Artifact, error) {
	if len(names) == 0 {
		return list, nil
	}
	var out []pipeline.Artifact
	var known []string
	for _, a := range list {
		known = append(known, a.Name)
		if slices.Contains(names, a.Name) {
			out = append(out, a)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: fmt.Sprintf("the run left no artifact %q", name), Hint: "it left " + orDash(strings.Join(known, ", "))}
		}
	}
	return out, nil
}

// saveArtifacts saves what has not expired, and goes on after one that failed;
// the error is the first.
func (s *session) saveArtifacts(ctx context.Context, list []pipeline.Artifact, dir string) (saved map[int64][]string, first error) {
	saved = map[int64][]string{}
	for _, a := range list {
		if a.Expired {
			fmt.Fprintf(s.Err, "gh deployctl: warning: %s has expired and is not saved\n", a.Name)
			continue
		}
		below, err := filepath.Localize(a.Name)
		if err != nil || below == "." {
			err = pipeline.Errorf(pipeline.KindRefused, "%q is no name for a directory", a.Name)
		} else {
			saved[a.ID], err = s.reader.SaveArtifact(ctx, a, filepath.Join(dir, below))
		}
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			fmt.Fprintln(s.Err, "gh deployctl: warning: "+sentence(err))
		}
	}
	return saved, first
}

func (g *globals) printArtifacts(list []pipeline.Artifact, saved map[int64][]string, asJSON bool) error {
	if asJSON {
		out := []artifactJSON{}
		for _, a := range list {
			out = append(out, artifactJSON{a.ID, a.Name, a.Bytes, moment(a.Created), moment(a.Expires), a.Expired, saved[a.ID]})
		}
		return printJSON(g.Out, out)
	}
	if len(list) == 0 {
		fmt.Fprintln(g.Err, "the run left no artifacts")
		return nil
	}
	now := time.Now()
	t := g.table("name", "size", "expiry", "id", "saved")
	for _, a := range list {
		expiry := "expired"
		switch {
		case a.Expired:
		case a.Expires.IsZero():
			expiry = "-"
		default:
			expiry = "in " + pipeline.Duration(a.Expires.Sub(now))
		}
		files := ""
		if n := len(saved[a.ID]); n > 0 {
			files = fmt.Sprintf("%d files", n)
		}
		for _, field := range []string{a.Name, a.Size(), expiry, fmt.Sprint(a.ID), files} {
			t.AddField(field)
		}
		t.EndRow()
	}
	return t.Render()
}
