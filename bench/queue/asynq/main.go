// The no-op task in asynq: `asynq-bench ADDRESS send COUNT`, `asynq-bench ADDRESS work COUNT` (prints seconds from the first
// task to the last).
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

func send(redis asynq.RedisClientOpt, count int) {
	client := asynq.NewClient(redis)
	defer client.Close()
	var senders sync.WaitGroup
	for part := 0; part < 16; part++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for i := part; i < count; i += 16 {
				if _, err := client.Enqueue(asynq.NewTask("noop", nil)); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	senders.Wait()
}

func work(redis asynq.RedisClientOpt, count int) {
	server := asynq.NewServer(redis, asynq.Config{Concurrency: 64, LogLevel: asynq.FatalLevel})
	var done, started atomic.Int64
	ended := make(chan struct{})
	handler := func(context.Context, *asynq.Task) error {
		started.CompareAndSwap(0, time.Now().UnixNano())
		if done.Add(1) == int64(count) {
			close(ended)
		}
		return nil
	}
	if err := server.Start(asynq.HandlerFunc(handler)); err != nil {
		log.Fatal(err)
	}
	<-ended
	fmt.Printf("%.6f\n", time.Since(time.Unix(0, started.Load())).Seconds())
	server.Shutdown()
}

func main() {
	redis := asynq.RedisClientOpt{Addr: os.Args[1]}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	if os.Args[2] == "send" {
		send(redis, count)
	} else {
		work(redis, count)
	}
}
