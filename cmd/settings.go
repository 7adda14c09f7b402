package cmd

import (
	"context"
	"fmt"

	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

// openSettings makes the one value by which the set-up changes GitHub, and tells
// what became of changes that an earlier process left without a receipt.
func (g *globals) openSettings(ctx context.Context, client *ghclient.Client) (*pipeline.Settings, error) {
	host, owner, name, err := ghclient.Resolve(g.repository)
	if err != nil {
		return nil, err
	}
	path, err := journal.Path(stateHome(), host, owner, name)
	if err != nil {
		return nil, err
	}
	j, err := journal.Open(path)
	if err != nil {
		return nil, unreadableJournal(path, err)
	}
	who, err := client.Viewer(ctx)
	if err != nil {
		who.Login = "unknown" // an app's token has no user; the record matters more than the name
	}
	s := pipeline.NewSettings(pipeline.SettingsOptions{
		Repository: owner + "/" + name, Operator: who.Login, Reader: client, Journal: recorder{j},
	})
	found, err := s.Reconcile(ctx)
	for _, r := range found {
		fmt.Fprintf(g.Err, "gh deployctl: note: %s of %s was left without a receipt: %s\n", r.Intent.Command, g.clock(r.Intent.SeenAt), r.Sentence)
	}
	if err != nil {
		fmt.Fprintln(g.Err, "gh deployctl: warning: "+sentence(err))
	}
	return s, nil
}

// change carries out a plan that was shown and agreed to, tells what came of it,
// and exits by that.
func (g *globals) change(ctx context.Context, s *pipeline.Settings, p pipeline.SettingsPlan) error {
	r := s.Execute(ctx, p)
	if r.Warning != "" {
		fmt.Fprintln(g.Err, "gh deployctl: warning: "+r.Warning)
	}
	w := g.Out
	if r.Outcome != pipeline.OutcomeDone {
		w = g.Err
	}
	fmt.Fprintf(w, "%s: %s\n", r.Outcome, r.Sentence)
	for _, d := range r.Differences {
		fmt.Fprintf(w, "  %s: you saw %s, is %s\n", d.Fact, d.Seen, d.Is)
	}
	if r.Number != 0 {
		fmt.Fprintf(w, "receipt %d is in the journal\n", r.Number)
	}
	return outcome(r)
}

// secretChange is the setting of a secret.
func secretChange(client *ghclient.Client, place, name, value string) pipeline.SettingChange {
	return pipeline.SettingChange{
		Setting: pipeline.Setting{Kind: pipeline.SettingSecret, Place: place, Name: name},
		Send:    func(ctx context.Context) error { return client.SetSecret(ctx, place, name, []byte(value)) },
	}
}
