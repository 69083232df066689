package storm

import (
	"context"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// door is a way to run a function by a policy, other than Execute in a pipeline. No observer
// sees what runs behind it.
type door func(ctx context.Context, fn policy.Func[int]) (int, error)

// Execute makes a door a policy.
func (d door) Execute(ctx context.Context, next policy.Call[int]) (int, error) {
	return d(ctx, next.Do)
}

// door returns one of the ways into a pipeline.
func (p *planner) door(pipe *pipeline.Pipeline[int]) door {
	switch p.rnd.IntN(6) {
	case 0:
		return func(ctx context.Context, fn policy.Func[int]) (int, error) { return pipe.Wrap(fn)(ctx) }
	case 1:
		all := pipeline.New[any](anyOf{pipe})
		return func(ctx context.Context, fn policy.Func[int]) (int, error) { return pipeline.Run(ctx, all, fn) }
	case 2:
		return p.exec(pipeline.New[any](anyOf{pipe}))
	}
	return pipe.Do
}

// exec is the door for functions without a value.
func (p *planner) exec(all *pipeline.Pipeline[any]) door {
	return func(ctx context.Context, fn policy.Func[int]) (int, error) {
		return 0, pipeline.Exec(ctx, all, func(ctx context.Context) error {
			v, err := fn(ctx)
			p.s.ledger.enter(v, "dropped")
			return err
		})
	}
}

// anyOf is a policy of int for calls of any type.
type anyOf struct{ pipe *pipeline.Pipeline[int] }

func (a anyOf) Execute(ctx context.Context, next policy.Call[any]) (any, error) {
	return a.pipe.Execute(ctx, policy.CallOf(func(ctx context.Context) (int, error) {
		v, err := next.Do(ctx)
		n, _ := v.(int)
		return n, err
	}))
}
