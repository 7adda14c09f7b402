package aws

import (
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// checkContext asks for what stands around the services of the sandbox.
func checkContext(t *testing.T, c *Cloud) {
	t.Helper()
	states, err := c.Services(t.Context(), production, []string{"orders"})
	if err != nil || len(states[0].Registries) != 1 {
		t.Fatalf("%+v, %v", states, err)
	}
	orders := states[0]
	if c := orders.Connect; c == nil || len(c.Offers) != 1 || c.Offers[0] != "orders:8000" || !strings.HasPrefix(c.Namespace, "ns-") {
		t.Errorf("orders is part of Service Connect as %+v", c)
	}
	scalings, err := c.Scalings(t.Context(), production, sandboxServices)
	if s := scalings["orders"]; err != nil || s.Max < orders.Desired || s.Min < 1 || len(s.Suspended) > 0 {
		t.Errorf("orders scales within %+v, %v", s, err)
	}
	registrations, err := c.Registrations(t.Context(), production, orders.Registries)
	if err != nil || len(registrations) != 1 || registrations[0].Name != "orders" ||
		len(registrations[0].Instances) != orders.Running || registrations[0].Healthy() != orders.Running {
		t.Errorf("orders is registered as %+v, %v", registrations, err)
	}
	if again, err := c.Services(t.Context(), production, []string{"orders"}); err != nil || again[0].Connect.Namespace != registrations[0].Namespace || strings.HasPrefix(registrations[0].Namespace, "ns-") {
		t.Errorf("Service Connect's namespace is %+v, Cloud Map's %q (%v); want its name", again[0].Connect, registrations[0].Namespace, err)
	}
	traffic, err := c.Traffic(t.Context(), production, orders.TargetGroups, 30*time.Minute)
	if err != nil || len(traffic) == 0 {
		t.Fatalf("no traffic: %v", err)
	}
	for arn, tr := range traffic {
		newest, ok := tr.Latest()
		if !ok || newest.Requests <= 0 || newest.P95 <= 0 || newest.Errors < 0 || newest.Errors > 100 || tr.Group == "" {
			t.Errorf("%s: %+v", arn, newest)
		}
		if !slices.Contains(orders.TargetGroups, arn) {
			t.Errorf("nobody asked about %s", arn)
		}
	}
}

func TestPointsWithoutErrorsHaveNone(t *testing.T) {
	at := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	next := at.Add(time.Minute)
	got := points(
		map[time.Time]float64{next: 60, at: 120, at.Add(-time.Minute): 0},
		map[time.Time]float64{next: 6},
		map[time.Time]float64{at: 0.2, next: 0.5})
	if len(got) != 2 || got[0].Requests != 2 || got[0].Errors != 0 || got[1].Errors != 10 || got[1].P95 != 500*time.Millisecond {
		t.Errorf("%+v", got)
	}
}

func TestServiceConnectOffers(t *testing.T) {
	service := ecstypes.Service{Deployments: []ecstypes.Deployment{
		{Status: awssdk.String("ACTIVE"), ServiceConnectConfiguration: &ecstypes.ServiceConnectConfiguration{Enabled: true}},
		{Status: awssdk.String("PRIMARY"), ServiceConnectConfiguration: &ecstypes.ServiceConnectConfiguration{
			Enabled: true, Namespace: awssdk.String("arn:aws:servicediscovery:eu-central-1:123456789012:namespace/ns-1"),
			Services: []ecstypes.ServiceConnectService{
				{PortName: awssdk.String("http"), ClientAliases: []ecstypes.ServiceConnectClientAlias{
					{DnsName: awssdk.String("orders"), Port: awssdk.Int32(8000)}, {Port: awssdk.Int32(80)},
				}},
				{PortName: awssdk.String("grpc")},
			},
		}},
	}}
	s := &session{}
	got := s.serviceConnect(service)
	if got == nil || got.Namespace != "ns-1" || !slices.Equal(got.Offers, []string{"orders:8000", "http:80", "grpc"}) {
		t.Errorf("%+v", got)
	}
	service.Deployments[1].ServiceConnectConfiguration.Enabled = false
	if s.serviceConnect(service) != nil {
		t.Error("what is not enabled offers nothing")
	}
}

func TestBalancerDimension(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/shop/50dc": "app/shop/50dc",
		"arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/net/shop/50dc": "",
	} {
		if got := balancerDimension(arn); got != want {
			t.Errorf("%s: %q, want %q", arn, got, want)
		}
	}
}
