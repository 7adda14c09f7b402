package aws

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// keptBody hands net/http a request body that the SDK does not close. The SDK
// closes its own as soon as the answer begins; where that comes at once, as on
// one machine, net/http is still looking for the body's end, takes the closed
// body for a failure, and breaks the connection in the middle of the answer.
// Bodies that cannot be rewound, such as uploads, stay as they are.
func keptBody(stack *middleware.Stack) error {
	return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("DeployctlKeptBody",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if request, ok := in.Request.(*smithyhttp.Request); ok {
				if err := keepBody(request); err != nil {
					return middleware.FinalizeOutput{}, middleware.Metadata{}, err
				}
			}
			return next.HandleFinalize(ctx, in)
		}), middleware.After)
}

// mostKept is the largest body that is copied; those of the read operations
// have some hundred bytes.
const mostKept = 1 << 20

func keepBody(request *smithyhttp.Request) error {
	size, known, err := request.StreamLength()
	if err != nil || !known || size == 0 || size > mostKept || !request.IsStreamSeekable() {
		return err
	}
	content, err := io.ReadAll(request.GetStream())
	if err != nil {
		return err
	}
	if err := request.RewindStream(); err != nil {
		return err
	}
	without, err := request.SetStream(nil)
	if err != nil {
		return err
	}
	*request = *without
	request.ContentLength = int64(len(content))
	request.Body = io.NopCloser(bytes.NewReader(content))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return nil
}
