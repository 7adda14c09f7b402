package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// jsonServices names the services behind the prefixes of X-Amz-Target.
var jsonServices = map[string]string{
	"AmazonEC2ContainerServiceV20141113":   "ecs",
	"Logs_20140328":                        "logs",
	"AmazonEC2ContainerRegistry_V20150921": "ecr",
	"secretsmanager":                       "secretsmanager",
	"AmazonSSM":                            "ssm",
	"AnyScaleFrontendService":              "application-autoscaling",
	"Route53AutoNaming_v20170314":          "servicediscovery",
	"GraniteServiceVersion20100801":        "cloudwatch",
}

// awsJSON is awsJson1.0 and awsJson1.1: the operation is in X-Amz-Target, input
// and output are JSON documents.
type awsJSON struct{ contentType string }

func newAWSJSON(r *http.Request, body []byte) (awsProtocol, *awsCall) {
	protocol := awsJSON{contentType: "application/x-amz-json-1.1"}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-amz-json-1.0") {
		protocol.contentType = "application/x-amz-json-1.0"
	}
	prefix, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return protocol, &awsCall{
		service:   jsonServices[prefix],
		version:   prefix,
		operation: operation,
		decode: func(into any) error {
			if len(body) == 0 {
				return nil
			}
			return json.Unmarshal(body, into)
		},
	}
}

func (p awsJSON) answer(w http.ResponseWriter, _ *awsCall, out document) {
	if out == nil {
		out = document{}
	}
	p.write(w, http.StatusOK, out)
}

func (p awsJSON) refuse(w http.ResponseWriter, _ *awsCall, err *awsError) {
	body := document{"__type": err.code, "message": err.message}
	for name, value := range err.members {
		body[name] = value
	}
	w.Header().Set("X-Amzn-Errortype", err.code)
	p.write(w, err.status, body)
}

func (p awsJSON) write(w http.ResponseWriter, status int, body document) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", p.contentType)
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

// decodeExactJSON decodes with numbers kept as they were written.
func decodeExactJSON(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode(into)
}
