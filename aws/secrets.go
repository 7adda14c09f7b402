package aws

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// parametersAtOnce is how many parameters the Parameter Store takes at once.
const parametersAtOnce = 10

// Secrets looks up what task definitions take secrets from, by reference: a
// secret of Secrets Manager, or a parameter by its ARN or name. Values are
// neither asked for in clear nor kept. What lies in another region, or may not
// be looked at, is left out of the answer.
func (c *Cloud) Secrets(ctx context.Context, cluster pipeline.Cluster, refs []string) (map[string]pipeline.SecretState, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	var secrets, parameters []string
	for _, ref := range refs {
		switch region := regionOfARN(ref); {
		case region != "" && region != s.who.region:
		case strings.Contains(ref, ":secretsmanager:"):
			secrets = append(secrets, secretOf(ref))
		default:
			parameters = append(parameters, ref)
		}
	}
	secrets, parameters = unique(secrets), unique(parameters)
	states, err := each(ctx, secrets, s.secretState)
	if err != nil {
		return nil, s.classify("look up the secrets", onCluster(cluster), err)
	}
	missing, err := inBatches(ctx, parameters, parametersAtOnce, s.missingParameters)
	if err != nil && !forbidden(err) {
		return nil, s.classify("look up the parameters", onCluster(cluster), err)
	}
	out := map[string]pipeline.SecretState{}
	for _, ref := range refs {
		if i := slices.Index(secrets, secretOf(ref)); i >= 0 && states[i] != nil {
			out[ref] = *states[i]
		} else if err == nil && slices.Contains(parameters, ref) {
			out[ref] = pipeline.SecretState{Present: !slices.Contains(missing, ref)}
		}
	}
	return out, nil
}

// forbidden reports whether AWS does not let the identity look.
func forbidden(err error) bool { return hasCode(err, "AccessDeniedException", "AccessDenied") }

// secretOf is the ARN of the secret itself: a task definition may add the key,
// the stage and the version that it takes of it.
func secretOf(ref string) string {
	const parts = 7 // arn:partition:secretsmanager:region:account:secret:name
	list := strings.Split(ref, ":")
	return strings.Join(list[:min(len(list), parts)], ":")
}

// secretState is nil where the identity may not look at the secret.
func (s *session) secretState(ctx context.Context, arn string) (*pipeline.SecretState, error) {
	var found struct{ DeletedDate float64 } // seconds since 1970; 0: not to be deleted
	err := s.look(ctx, "Secrets Manager", "DescribeSecret", map[string]any{"SecretId": arn}, &found)
	switch {
	case hasCode(err, "ResourceNotFoundException"):
		return &pipeline.SecretState{}, nil
	case forbidden(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	state := &pipeline.SecretState{Present: true}
	if found.DeletedDate > 0 {
		state.Deleted = time.Unix(int64(found.DeletedDate), 0)
	}
	return state, nil
}

func (s *session) missingParameters(ctx context.Context, names []string) ([]string, error) {
	var found struct{ InvalidParameters []string }
	err := s.look(ctx, "SSM", "GetParameters", map[string]any{"Names": names, "WithDecryption": false}, &found)
	return found.InvalidParameters, err
}

// wired are the services that are asked without their SDK module: how the
// endpoint, the variable that replaces it and the target of a request name them.
var wired = map[string]struct{ endpoint, variable, target string }{
	"Secrets Manager": {"secretsmanager", "SECRETS_MANAGER", "secretsmanager"},
	"SSM":             {"ssm", "SSM", "AmazonSSM"},
}

// look sends an operation that is on the list of reads.
func (s *session) look(ctx context.Context, service, operation string, in, out any) error {
	if !slices.Contains(wiredReads[service], operation) {
		return &pipeline.Error{Kind: pipeline.KindRefused, Message: "the AWS session is read-only and does not send " + service + " " + operation}
	}
	return askJSON(ctx, s, service, operation, in, out)
}

// askJSON sends an operation as JSON. It asks no list: who calls it has.
func askJSON(ctx context.Context, s *session, service, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	w := wired[service]
	answer, err := s.signed(ctx, signedRequest{
		service: w.endpoint, method: http.MethodPost, url: s.endpoint(w.endpoint, w.variable) + "/", body: body,
		header: map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": w.target + "." + operation},
	})
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}
