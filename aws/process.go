package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// quietProcess replaces the provider of a profile's credential_process by one
// whose command neither writes to the terminal nor reads from it: the SDK's own
// hands both to the child, in the middle of a screen.
func quietProcess(cfg *awssdk.Config) {
	if !awssdk.IsCredentialsProvider(cfg.Credentials, (*processcreds.Provider)(nil)) {
		return
	}
	for _, source := range cfg.ConfigSources {
		if shared, ok := source.(config.SharedConfig); ok && shared.CredentialProcess != "" {
			cfg.Credentials = awssdk.NewCredentialsCache(&processProvider{command: shared.CredentialProcess})
			return
		}
	}
}

// processProvider runs a credential_process and keeps what it says on stderr
// for the error.
type processProvider struct{ command string }

// Retrieve runs the command and reads its credentials.
func (p *processProvider) Retrieve(ctx context.Context) (awssdk.Credentials, error) {
	var said bytes.Buffer
	build := processcreds.NewCommandBuilderFunc(func(ctx context.Context) (*exec.Cmd, error) {
		said.Reset()
		cmd := exec.CommandContext(ctx, "sh", "-c", p.command)
		if runtime.GOOS == "windows" {
			cmd = exec.CommandContext(ctx, "cmd.exe", "/C", p.command)
		}
		cmd.Stderr = &said
		return cmd, nil
	})
	credentials, err := processcreds.NewProviderCommand(build).Retrieve(ctx)
	if err != nil && said.Len() > 0 {
		reason := sanitise.Text(strings.TrimSpace(said.String()))
		return credentials, &processcreds.ProviderError{Err: fmt.Errorf("%s: %w", reason, errors.Unwrap(err))}
	}
	return credentials, err
}
