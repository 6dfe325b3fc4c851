package main

// A small stand-in for metrics-server and for an external-metrics adapter, so that
// HorizontalPodAutoscalers and `kubectl top` work in both layers:
//
//   - pods: what kubelet measures (layer 2); the annotations kubernetes-testbed/cpu and
//     kubernetes-testbed/memory on a pod override it (or stand alone, in layer 1)
//   - external metrics: the keys of ConfigMap kubernetes-testbed-metrics in the HPA's namespace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
	"k8s.io/metrics/pkg/apis/external_metrics"
	external "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	metrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

const (
	metricsService = "kubernetes-testbed-metrics"
	resourceGroup  = "/apis/metrics.k8s.io/v1beta1"
	externalGroup  = "/apis/external.metrics.k8s.io/v1beta1"
)

// serveMetrics registers two APIServices. The Service is an ExternalName for localhost:
// the API server resolves that itself, and neither layer needs a Service route to it.
func (c *controlPlane) serveMetrics() {
	c.ca.issue("metrics", metricsService, "", metricsService+".kube-system.svc")
	cert, err := tls.LoadX509KeyPair(c.ca.file("metrics.crt"), c.ca.file("metrics.key"))
	check(err)
	ca, err := os.ReadFile(c.ca.file("ca.crt"))
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	l, err := net.Listen("tcp", "localhost:0")
	check(err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+resourceGroup, list(metav1.APIResourceList{GroupVersion: "metrics.k8s.io/v1beta1", APIResources: []metav1.APIResource{
		{Name: "nodes", Kind: "NodeMetrics", Verbs: metav1.Verbs{"get", "list"}},
		{Name: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: metav1.Verbs{"get", "list"}}}}))
	mux.HandleFunc("GET "+externalGroup, list(metav1.APIResourceList{GroupVersion: "external.metrics.k8s.io/v1beta1", APIResources: []metav1.APIResource{}}))
	mux.HandleFunc("GET "+resourceGroup+"/nodes", c.nodeMetrics)
	mux.HandleFunc("GET "+resourceGroup+"/nodes/{name}", c.nodeMetrics)
	mux.HandleFunc("GET "+resourceGroup+"/pods", c.podMetrics)
	mux.HandleFunc("GET "+resourceGroup+"/namespaces/{ns}/pods", c.podMetrics)
	mux.HandleFunc("GET "+resourceGroup+"/namespaces/{ns}/pods/{name}", c.podMetrics)
	mux.HandleFunc("GET "+externalGroup+"/namespaces/{ns}/{metric}", c.externalMetric)
	server := &http.Server{Handler: mux, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}}
	go func() { _ = server.ServeTLS(l, "", "") }()

	port := int32(l.Addr().(*net.TCPAddr).Port)
	ctx := context.Background()
	_, err = c.client.CoreV1().Services("kube-system").Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: metricsService},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost", Ports: []corev1.ServicePort{{Port: port}}},
	}, metav1.CreateOptions{})
	check(err)
	for _, group := range []string{"metrics.k8s.io", "external.metrics.k8s.io"} {
		b, err := json.Marshal(map[string]any{
			"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": map[string]any{"name": "v1beta1." + group},
			"spec": map[string]any{"group": group, "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100, "caBundle": ca,
				"service": map[string]any{"namespace": "kube-system", "name": metricsService, "port": port}},
		})
		check(err)
		check(c.client.RESTClient().Post().AbsPath("/apis/apiregistration.k8s.io/v1/apiservices").Body(b).Do(ctx).Error())
	}
}

func list(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, v, nil) }
}

func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		v = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure",
			Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound, Message: err.Error()}
	}
	_ = json.NewEncoder(w).Encode(v)
}

func (c *controlPlane) summary(ctx context.Context, node string) (s stats.Summary) {
	b, err := c.client.CoreV1().RESTClient().Get().Resource("nodes").Name(node).SubResource("proxy").Suffix("stats/summary").Do(ctx).Raw()
	if err == nil {
		_ = json.Unmarshal(b, &s)
	}
	return s
}

func usage(cpu *stats.CPUStats, mem *stats.MemoryStats) corev1.ResourceList {
	u := corev1.ResourceList{}
	if cpu != nil && cpu.UsageNanoCores != nil {
		u[corev1.ResourceCPU] = *resource.NewScaledQuantity(int64(*cpu.UsageNanoCores), resource.Nano)
	}
	if mem != nil && mem.WorkingSetBytes != nil {
		u[corev1.ResourceMemory] = *resource.NewQuantity(int64(*mem.WorkingSetBytes), resource.BinarySI)
	}
	return u
}

var window = metav1.Duration{Duration: 15 * time.Second}

func (c *controlPlane) nodeMetrics(w http.ResponseWriter, r *http.Request) {
	nodes, err := c.client.CoreV1().Nodes().List(r.Context(), metav1.ListOptions{LabelSelector: r.URL.Query().Get("labelSelector")})
	out := metrics.NodeMetricsList{TypeMeta: metav1.TypeMeta{Kind: "NodeMetricsList", APIVersion: "metrics.k8s.io/v1beta1"}, Items: []metrics.NodeMetrics{}}
	if err == nil {
		for _, n := range nodes.Items {
			s := c.summary(r.Context(), n.Name)
			m := metrics.NodeMetrics{ObjectMeta: metav1.ObjectMeta{Name: n.Name}, Timestamp: metav1.Now(), Window: window, Usage: usage(s.Node.CPU, s.Node.Memory)}
			if n.Name == r.PathValue("name") {
				m.TypeMeta = metav1.TypeMeta{Kind: "NodeMetrics", APIVersion: "metrics.k8s.io/v1beta1"}
				reply(w, m, nil)
				return
			}
			out.Items = append(out.Items, m)
		}
	}
	reply(w, out, err)
}

func (c *controlPlane) podMetrics(w http.ResponseWriter, r *http.Request) {
	opts := metav1.ListOptions{LabelSelector: r.URL.Query().Get("labelSelector")}
	if n := r.PathValue("name"); n != "" {
		opts.FieldSelector = "metadata.name=" + n
	}
	pods, err := c.client.CoreV1().Pods(r.PathValue("ns")).List(r.Context(), opts)
	if err != nil {
		reply(w, nil, err)
		return
	}
	measured := map[types.UID]stats.PodStats{}
	asked := map[string]bool{"": true}
	out := metrics.PodMetricsList{TypeMeta: metav1.TypeMeta{Kind: "PodMetricsList", APIVersion: "metrics.k8s.io/v1beta1"}, Items: []metrics.PodMetrics{}}
	for _, p := range pods.Items {
		if p.Status.Phase != corev1.PodRunning {
			continue
		}
		if n := p.Spec.NodeName; !asked[n] {
			asked[n] = true
			for _, ps := range c.summary(r.Context(), n).Pods {
				measured[types.UID(ps.PodRef.UID)] = ps
			}
		}
		m := metrics.PodMetrics{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, Labels: p.Labels}, Timestamp: metav1.Now(), Window: window}
		for i, ct := range p.Spec.Containers {
			u := corev1.ResourceList{}
			for _, cs := range measured[p.UID].Containers {
				if cs.Name == ct.Name {
					u = usage(cs.CPU, cs.Memory)
				}
			}
			if i == 0 { // the override is the whole pod's, counted on its first container
				for _, k := range []corev1.ResourceName{"cpu", "memory"} {
					if q, err := resource.ParseQuantity(p.Annotations["kubernetes-testbed/"+string(k)]); err == nil {
						u[k] = q
					}
				}
			}
			m.Containers = append(m.Containers, metrics.ContainerMetrics{Name: ct.Name, Usage: u})
		}
		out.Items = append(out.Items, m)
	}
	if r.PathValue("name") == "" {
		reply(w, out, nil)
	} else if len(out.Items) == 1 {
		out.Items[0].TypeMeta = metav1.TypeMeta{Kind: "PodMetrics", APIVersion: "metrics.k8s.io/v1beta1"}
		reply(w, out.Items[0], nil)
	} else {
		reply(w, nil, os.ErrNotExist)
	}
}

func (c *controlPlane) externalMetric(w http.ResponseWriter, r *http.Request) {
	out := external.ExternalMetricValueList{TypeMeta: metav1.TypeMeta{Kind: "ExternalMetricValueList", APIVersion: external_metrics.GroupName + "/v1beta1"}, Items: []external.ExternalMetricValue{}}
	cm, err := c.client.CoreV1().ConfigMaps(r.PathValue("ns")).Get(r.Context(), metricsService, metav1.GetOptions{})
	if err == nil {
		var q resource.Quantity
		if q, err = resource.ParseQuantity(strings.TrimSpace(cm.Data[r.PathValue("metric")])); err == nil {
			out.Items = append(out.Items, external.ExternalMetricValue{MetricName: r.PathValue("metric"), Timestamp: metav1.Now(), Value: q})
		}
	}
	reply(w, out, err)
}
