package pipeline

import "time"

// Paused is an ECS deployment that waits at a lifecycle hook for a person.
type Paused struct {
	Service ServiceKey
	Hook    Hook
	At      string    // where it waits, and what serves meanwhile
	Expires time.Time // when ECS decides by itself; zero: not known
}

// Paused lists what waits at a hook, in the order of the environments.
func (s *Snapshot) Paused() []Paused {
	var out []Paused
	for i := range s.Environments {
		for _, v := range s.Environments[i].Services {
			if v.Rollout == nil {
				continue
			}
			if hook, waits := v.Rollout.Pause(); waits {
				out = append(out, Paused{Service: v.Key, Hook: hook, At: pausedAt(v), Expires: hook.Expires})
			}
		}
	}
	return out
}

// Sentence says where it waits, and what becomes of it without an answer.
func (p Paused) Sentence(now time.Time) string {
	if p.Expires.IsZero() {
		return p.At
	}
	return p.At + "; without an answer ECS " + p.Hook.Unanswered() + " in " + Duration(max(p.Expires.Sub(now), 0).Truncate(time.Minute))
}
