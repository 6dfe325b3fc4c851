package main

// Layer 1 without a node leaves every pod Pending. A fake node gives the scheduler
// somewhere to put them and answers for kubelet: pods become Running and Ready (or
// Succeeded, for restartPolicy Never and OnFailure) and go when deleted. The annotation
// kubernetes-testbed/ready: "false" on a pod keeps it unready, kubernetes-testbed/phase sets its phase.

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

func (c *controlPlane) fakeNodes(n int) {
	ctx := context.Background()
	size := corev1.ResourceList{"cpu": resource.MustParse("64"), "memory": resource.MustParse("256Gi"), "pods": resource.MustParse("500")}
	for i := 1; i <= n; i++ {
		name := fmt.Sprintf("fake%d", i)
		node, err := c.client.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "topology.kubernetes.io/zone": fmt.Sprintf("zone%d", i)}},
			Status: corev1.NodeStatus{Capacity: size, Allocatable: size, Conditions: []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeTestbed", LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}}},
		}, metav1.CreateOptions{})
		check(err)
		node.Spec.Taints = nil // not-ready:NoSchedule, which admission puts on every new node
		_, err = c.client.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{})
		check(err)
	}
	f := informers.NewSharedInformerFactory(c.client, 0)
	play := func(o any) {
		if p, ok := o.(*corev1.Pod); ok && p.Spec.NodeName != "" {
			c.playKubelet(ctx, p)
		}
	}
	_, err := f.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: play, UpdateFunc: func(_, o any) { play(o) }})
	check(err)
	f.Start(ctx.Done())
}

func (c *controlPlane) playKubelet(ctx context.Context, p *corev1.Pod) {
	pods := c.client.CoreV1().Pods(p.Namespace)
	if p.DeletionTimestamp != nil {
		zero := int64(0)
		_ = pods.Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &p.UID}})
		return
	}
	phase := corev1.PodRunning
	if p.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		phase = corev1.PodSucceeded
	}
	if v := p.Annotations["kubernetes-testbed/phase"]; v != "" {
		phase = corev1.PodPhase(v)
	}
	ready := corev1.ConditionTrue
	if p.Annotations["kubernetes-testbed/ready"] == "false" || phase != corev1.PodRunning {
		ready = corev1.ConditionFalse
	}
	was := corev1.ConditionUnknown
	for _, k := range p.Status.Conditions {
		if k.Type == corev1.PodReady {
			was = k.Status
		}
	}
	if p.Status.Phase == phase && was == ready {
		return
	}
	now := metav1.NewTime(time.Now())
	q := p.DeepCopy()
	s := &q.Status
	s.Phase = phase
	if s.StartTime == nil {
		s.StartTime = &now
		h := fnv.New32a()
		_, _ = h.Write([]byte(p.UID))
		s.PodIP = fmt.Sprintf("10.89.%d.%d", h.Sum32()>>8&255, h.Sum32()&255)
		s.PodIPs = []corev1.PodIP{{IP: s.PodIP}}
	}
	var keep []corev1.PodCondition
	for _, k := range s.Conditions {
		if k.Type == corev1.PodScheduled {
			keep = append(keep, k)
		}
	}
	for _, t := range []corev1.PodConditionType{corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		v := ready
		if t == corev1.PodInitialized {
			v = corev1.ConditionTrue
		}
		keep = append(keep, corev1.PodCondition{Type: t, Status: v, LastTransitionTime: now})
	}
	s.Conditions = keep
	s.ContainerStatuses = nil
	for _, ct := range p.Spec.Containers {
		started := phase == corev1.PodRunning
		cs := corev1.ContainerStatus{Name: ct.Name, Image: ct.Image, ImageID: ct.Image, ContainerID: "fake://" + string(p.UID) + "-" + ct.Name, Ready: ready == corev1.ConditionTrue, Started: &started}
		switch phase {
		case corev1.PodRunning:
			cs.State.Running = &corev1.ContainerStateRunning{StartedAt: now}
		case corev1.PodSucceeded, corev1.PodFailed:
			code := int32(0)
			if phase == corev1.PodFailed {
				code = 1
			}
			cs.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Completed", StartedAt: now, FinishedAt: now}
		default:
			cs.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
		}
		s.ContainerStatuses = append(s.ContainerStatuses, cs)
	}
	_, _ = pods.UpdateStatus(ctx, q, metav1.UpdateOptions{})
}
