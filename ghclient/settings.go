package ghclient

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

var _ pipeline.SettingsReader = (*Reader)(nil)

// SettingStates implements [pipeline.SettingsReader]. Each place is listed once,
// however many of its settings are asked for.
func (r *Reader) SettingStates(ctx context.Context, list []pipeline.Setting) ([]pipeline.SettingState, error) {
	out := make([]pipeline.SettingState, len(list))
	secrets, variables := map[string][]SecretName{}, map[string][]Variable{}
	for i, s := range list {
		switch s.Kind {
		case pipeline.SettingSecret:
			in, err := once(ctx, secrets, s.Place, r.Secrets)
			if err != nil {
				return nil, err
			}
			if at := slices.IndexFunc(in, func(x SecretName) bool { return strings.EqualFold(x.Name, s.Name) }); at >= 0 {
				out[i] = pipeline.SettingState{Exists: true, Updated: in[at].Updated}
			}
		case pipeline.SettingVariable:
			in, err := once(ctx, variables, s.Place, r.Variables)
			if err != nil {
				return nil, err
			}
			if at := slices.IndexFunc(in, func(x Variable) bool { return strings.EqualFold(x.Name, s.Name) }); at >= 0 {
				out[i] = pipeline.SettingState{Exists: true, Updated: in[at].Updated, Value: in[at].Value}
			}
		case pipeline.SettingProtection:
			p, exists, err := r.Protection(ctx, s.Place)
			if err != nil {
				return nil, err
			}
			out[i] = pipeline.SettingState{Exists: exists, Value: p.String()}
		}
	}
	return out, nil
}

// once lists a place unless that was done before. A place that does not exist
// holds nothing.
func once[T any](ctx context.Context, done map[string][]T, place string, list func(context.Context, string) ([]T, error)) ([]T, error) {
	if in, ok := done[place]; ok {
		return in, nil
	}
	in, err := list(ctx, place)
	if place != "" && pipeline.KindOf(err) == pipeline.KindNotFound {
		err = nil
	}
	if err == nil {
		done[place] = in
	}
	return in, err
}

// String says in one line what an environment asks of a job; equal rules make
// equal lines.
func (p Protection) String() string {
	var who, refs []string
	for _, r := range p.Reviewers {
		who = append(who, ReviewerName(r))
	}
	for _, r := range p.Refs {
		refs = append(refs, r.String())
	}
	slices.Sort(who)
	slices.Sort(refs)
	self := ""
	if len(who) > 0 && !p.PreventSelfReview {
		self = ", self review allowed"
	}
	return fmt.Sprintf("reviewers %s%s; wait %d min; refs %s", strings.Join(who, " "), self, p.WaitTimer/time.Minute, strings.Join(refs, ", "))
}

// ReviewerName names a reviewer the same way whether GitHub or a person does: in
// small letters, a team without its organisation.
func ReviewerName(r pipeline.Reviewer) string {
	if r.Team {
		return "team " + strings.ToLower(r.Name[strings.LastIndex(r.Name, "/")+1:])
	}
	return strings.ToLower(r.Name)
}

// String names what a pattern admits: "tag v*".
func (r RefPolicy) String() string {
	if r.Tag {
		return "tag " + r.Pattern
	}
	return "branch " + r.Pattern
}
