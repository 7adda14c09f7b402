package aws

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// memoLimit bounds what a session remembers of one kind. A wall that runs for
// months meets ever new revisions; forgetting all of them costs a few reads.
const memoLimit = 4096

// memo remembers values by key. The zero value is empty and ready for
// concurrent use.
type memo[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]V
}

func (m *memo[K, V]) get(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	return v, ok
}

func (m *memo[K, V]) put(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil || len(m.values) >= memoLimit {
		m.values = map[K]V{}
	}
	m.values[key] = v
}

// parallel is how many requests one question may have in flight.
const parallel = 4

// inBatches asks for items in groups of at most size, some at once, and joins
// the answers in the order of items.
func inBatches[In, Out any](ctx context.Context, items []In, size int, ask func(context.Context, []In) ([]Out, error)) ([]Out, error) {
	batches := slices.Collect(slices.Chunk(items, size))
	answers := make([][]Out, len(batches))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, batch := range batches {
		group.Go(func() error {
			answer, err := ask(ctx, batch)
			answers[i] = answer
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(answers...), nil
}

// each asks for every item by itself, some at once.
func each[In, Out any](ctx context.Context, items []In, ask func(context.Context, In) (Out, error)) ([]Out, error) {
	return inBatches(ctx, items, 1, func(ctx context.Context, one []In) ([]Out, error) {
		answer, err := ask(ctx, one[0])
		return []Out{answer}, err
	})
}

// pages reads page after page until there is no further token. A server that
// repeats its token would be asked for ever, so that ends the list too.
func pages[T any](ask func(token *string) ([]T, *string, error)) ([]T, error) {
	var all []T
	var token *string
	for {
		page, next, err := ask(token)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == nil || *next == "" || token != nil && *token == *next {
			return all, nil
		}
		token = next
	}
}
