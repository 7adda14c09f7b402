package pipeline

import (
	"context"
	"sync"
)

// each does one thing for every item, at most inFlight at once, and joins what
// went wrong.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	return firstError(concurrently(ctx, tasks(items, do)...))
}

// tasks are one for every item, in their order.
func tasks[T any](items []T, do func(context.Context, T) error) []func(context.Context) error {
	out := make([]func(context.Context) error, len(items))
	for i, item := range items {
		out[i] = func(ctx context.Context) error { return do(ctx, item) }
	}
	return out
}

// concurrently runs tasks, at most inFlight at once; the errors are in the order of the tasks.
func concurrently(ctx context.Context, tasks ...func(context.Context) error) []error {
	errs := make([]error, len(tasks))
	slots := make(chan struct{}, inFlight)
	var wg sync.WaitGroup
	for i, task := range tasks {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			defer func() {
				if r := recover(); r != nil {
					errs[i] = Errorf(KindInternal, "panic: %v", r)
				}
			}()
			errs[i] = task(ctx)
		}()
	}
	wg.Wait()
	return errs
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
