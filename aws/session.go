package aws

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/net/http/httpproxy"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// callTimeout bounds one operation with all its attempts: refreshing
// credentials or a silent endpoint must not block a poller.
const callTimeout = 30 * time.Second

// answerTimeout bounds one attempt: a request that got lost must not take the
// time of the one after it, which would be answered.
const answerTimeout = 15 * time.Second

// A session is one identity in one region: its clients, and what they have read
// that never changes.
type session struct {
	who    identity // as asked for
	config awssdk.Config
	log    *slog.Logger

	ecs        *ecs.Client
	logs       *cloudwatchlogs.Client
	cloudwatch *cloudwatch.Client
	elb        *elb.Client
	rds        *rds.Client
	sts        *sts.Client
	scaling    *applicationautoscaling.Client
	discovery  *servicediscovery.Client

	registries  memo[string, *ecr.Client]              // by region
	definitions memo[string, definition]               // by ARN
	kept        *definitionCache                       // of earlier starts
	pace        *pace                                  // of DescribeTaskDefinition
	revisions   memo[string, ecstypes.ServiceRevision] // by ARN; immutable
	settled     memo[string, settledDeployment]        // by service ARN
	namespaces  memo[string, string]                   // names of Cloud Map's namespaces, by ID
	commits     memo[string, taggedCommit]             // by image digest
	balancers   memo[string, string]                   // dimension of the load balancer, by target group ARN
	lacking     memo[string, time.Time]                // by operation: when it was found not to work
}

// httpClient is the SDK's own client type: it accepts AWS_CA_BUNDLE, which a
// plain *http.Client does not.
type httpClient = *awshttp.BuildableClient

// newHTTPClient reads the proxy from the environment of this moment.
// http.ProxyFromEnvironment reads it once a process.
func newHTTPClient(o Options) httpClient {
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = answerTimeout
		t.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
		if o.DialContext != nil {
			t.DialContext = o.DialContext
		}
	})
}

// begin loads the SDK's configuration for an identity and makes its clients. It
// makes no request.
func (c *Cloud) begin(ctx context.Context, who identity) (*session, error) {
	cfg, err := config.LoadDefaultConfig(ctx, c.loadOptions(who)...)
	if err != nil {
		return nil, classify(who, "use the AWS credentials", who.name(), err)
	}
	if cfg.Region == "" {
		return nil, errNoRegion(who)
	}
	who.region = cfg.Region
	quietProcess(&cfg)
	if who.role != "" {
		provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), who.role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "gh-deployctl"
		})
		cfg.Credentials = awssdk.NewCredentialsCache(provider)
	}
	return c.newSession(who, cfg), nil
}

func (c *Cloud) newSession(who identity, cfg awssdk.Config) *session {
	return &session{
		who: who, config: cfg, log: c.options.Log, kept: c.kept,
		pace: &pace{burst: definitionBurst, perSecond: definitionRate},
		ecs:  ecs.NewFromConfig(cfg),
		logs: cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
			if local(o.BaseEndpoint) {
				o.APIOptions = append(o.APIOptions, noHostPrefix)
			}
		}),
		cloudwatch: cloudwatch.NewFromConfig(cfg),
		elb:        elb.NewFromConfig(cfg),
		rds:        rds.NewFromConfig(cfg),
		sts:        sts.NewFromConfig(cfg),
		scaling:    applicationautoscaling.NewFromConfig(cfg),
		discovery:  servicediscovery.NewFromConfig(cfg),
	}
}

func (c *Cloud) loadOptions(who identity) []func(*config.LoadOptions) error {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(c.http),
		config.WithLogger(sdkLogger(c.options.Log)),
		config.WithRetryer(newRetryer),
		config.WithAPIOptions([]func(*middleware.Stack) error{
			c.guard, bounded, keptBody, awsmiddleware.AddUserAgentKeyValue("gh-deployctl", c.options.Version),
		}),
	}
	if who.region != "" {
		options = append(options, config.WithRegion(who.region))
	}
	if who.profile != "" {
		options = append(options, config.WithSharedConfigProfile(who.profile))
	}
	// An operator's machine is no EC2 instance, and asking for its metadata
	// takes seconds to fail. Who runs on one says so with the SDK's own variable.
	if !strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "false") {
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	return options
}

// name says whose credentials these are, for errors.
func (w identity) name() string {
	switch {
	case w.role != "":
		return "role " + w.role
	case w.profile != "":
		return "profile " + w.profile
	}
	if os.Getenv("AWS_ACCESS_KEY_ID") != "" {
		return "the environment"
	}
	if name := os.Getenv("AWS_PROFILE"); name != "" {
		return "profile " + name
	}
	return "the default profile"
}

// classify is the package's classify for this session's identity.
func (s *session) classify(op, on string, err error) error {
	return classify(s.who, op, on, err)
}

// sdkLogger sends what the SDK logs to the program's log.
func sdkLogger(log *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(class logging.Classification, format string, v ...any) {
		level := slog.LevelDebug
		if class == logging.Warn {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, textf(format, v...), "source", "aws sdk")
	})
}

// bounded gives every operation a deadline.
func bounded(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("DeployctlDeadline",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			ctx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
}

// noHostPrefix keeps the SDK from putting a name before an endpoint's host:
// stream-127.0.0.1 is nobody. It must be a middleware, because the SDK clears
// such values from the caller's context.
func noHostPrefix(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("DeployctlNoHostPrefix",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.After)
}

// local reports whether an endpoint is this machine or a bare address.
func local(endpoint *string) bool {
	u, err := url.Parse(awssdk.ToString(endpoint))
	if err != nil {
		return false
	}
	_, err = netip.ParseAddr(u.Hostname())
	return err == nil || u.Hostname() == "localhost"
}

// errNoRegion says how to choose a region.
func errNoRegion(who identity) error {
	return &pipeline.Error{
		Kind: pipeline.KindAuth, Op: "use the AWS credentials", On: who.name(), Message: "no AWS region is chosen",
		Hint: "set AWS_REGION, or aws.region in .github/deployctl.yml",
	}
}
