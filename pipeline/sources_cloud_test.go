package pipeline

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// clustersOf is a cloud of which one account cannot be read.
type clustersOf struct {
	Cloud
	broken string
}

func (c clustersOf) Services(_ context.Context, cluster Cluster, names []string) ([]ServiceState, error) {
	if cluster.Name == c.broken {
		return nil, errors.New("the login has run out")
	}
	states := make([]ServiceState, len(names))
	for i := range states {
		states[i].Running = 2
	}
	return states, nil
}

// An account whose login has run out hides no other account's services.
func TestOneClusterThatCannotBeReadHidesNoOther(t *testing.T) {
	blue, green := Cluster{Name: "blue", Profile: "a"}, Cluster{Name: "green", Profile: "b"}
	env := Environment{Name: "production", Clusters: []Cluster{blue, green}, Services: []Service{
		{Name: "orders", Cluster: "green"}, {Name: "users", Cluster: "blue"}, {Name: "payments", Cluster: "green"},
	}}
	old := []ServiceState{
		{Key: ServiceKey{"production", "orders"}, Cluster: green, Running: 1},
		{Key: ServiceKey{"production", "users"}, Cluster: blue, Running: 1},
		{Key: ServiceKey{"production", "payments"}, Cluster: green, Running: 1},
	}
	e := &Engine{opt: Options{Cloud: clustersOf{broken: "green"}}}
	got, err := readEnvironment(t.Context(), e, env, old)
	if err == nil {
		t.Error("the error is lost")
	}
	var names []string
	var running []int
	for _, s := range got {
		names, running = append(names, s.Key.Service), append(running, s.Running)
	}
	if !slices.Equal(names, []string{"orders", "users", "payments"}) || !slices.Equal(running, []int{1, 2, 1}) {
		t.Errorf("%v %v", names, running)
	}
}
