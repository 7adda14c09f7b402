package sandbox

import (
	"net/http"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// awsCBOR is Smithy RPC v2 with CBOR bodies: /service/NAME/operation/NAME.
// CloudWatch speaks it to current clients.
type awsCBOR struct{}

const smithyProtocolCBOR = "rpc-v2-cbor"

func newAWSCBOR(r *http.Request, body []byte) (awsProtocol, *awsCall) {
	_, path, _ := strings.Cut(r.URL.Path, "/service/")
	name, operation, _ := strings.Cut(path, "/operation/")
	return awsCBOR{}, &awsCall{
		service:   jsonServices[name],
		version:   name,
		operation: operation,
		decode: func(into any) error {
			if len(body) == 0 {
				return nil
			}
			return cbor.Unmarshal(body, into)
		},
	}
}

func (p awsCBOR) answer(w http.ResponseWriter, _ *awsCall, out document) {
	if out == nil {
		out = document{}
	}
	p.write(w, http.StatusOK, out)
}

func (p awsCBOR) refuse(w http.ResponseWriter, _ *awsCall, err *awsError) {
	code, status := err.inQuery()
	body := document{"__type": "com.amazonaws.cloudwatch#" + err.code, "message": err.message}
	for name, value := range err.members {
		body[name] = value
	}
	// CloudWatch used to speak the query protocol; clients map its old codes by
	// this header.
	w.Header().Set("X-Amzn-Query-Error", code+";"+err.fault())
	p.write(w, status, body)
}

func (p awsCBOR) write(w http.ResponseWriter, status int, body document) {
	data, err := cbor.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/cbor")
	w.Header().Set("Smithy-Protocol", smithyProtocolCBOR)
	w.WriteHeader(status)
	_, _ = w.Write(data)
}
